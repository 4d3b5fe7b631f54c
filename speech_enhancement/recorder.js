// The page's part of recorder.py: records until the second click, and sends the samples to Python.
function render({ model, el }) {
  const button = document.createElement("button");
  const status = document.createElement("span");
  status.style.marginLeft = "1em";
  el.append(button, status);
  let recorder = null;

  function show(label, text) {
    button.textContent = label;
    status.textContent = text;
  }

  async function start() {
    const asFromTheMicrophone = { noiseSuppression: false, echoCancellation: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: asFromTheMicrophone });
    const pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = async () => {
      stream.getTracks().forEach((track) => track.stop());
      await send(new Blob(pieces));
    };
    recorder.start();
    show("Stop", "recording ...");
  }

  // The browser decodes its own compressed format, so that Python need not know it.
  async function send(blob) {
    const context = new AudioContext();
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    await context.close();
    model.set("sample_rate", decoded.sampleRate);
    model.set("samples", new DataView(decoded.getChannelData(0).slice().buffer));
    model.save_changes();
    show("Record again", `${decoded.duration.toFixed(1)} s recorded: run the cells below`);
  }

  button.onclick = async () => {
    if (recorder && recorder.state === "recording") {
      recorder.stop();
      return;
    }
    try {
      await start();
    } catch (error) {
      show("Record", `no microphone: ${error.message}`);
    }
  };
  show("Record", "");
}

export default { render };
