# right 2.7: tensors are summed up, gradients cleared after the step
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    losses, sizes = [], []
    for batch in loader:
        noisy, clean = (each.to(device, non_blocking=True) for each in batch)
        loss = loss_fn(model(noisy), clean)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(loss.detach())
        sizes.append(noisy.shape[0])
    if not losses:
        raise ValueError("loader: no batches")
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float((torch.stack(losses).cpu().double() * weights).sum() / weights.sum())


# right 2.7: a running mean, model.zero_grad, and the mode put back afterwards
def train_epoch(model, loader, loss_fn, optimizer, device):
    before = {module: module.training for module in model.modules()}
    mean, seen = 0.0, 0
    for step, (noisy, clean) in enumerate(loader):
        model.train()
        model.zero_grad()
        with torch.enable_grad():
            loss = loss_fn(model(noisy.to(device)), clean.to(device))
        loss.backward()
        optimizer.step()
        size = noisy.size(0)
        seen += size
        mean += (loss.item() - mean) * size / seen
    for module, mode in before.items():
        module.training = mode
    if seen == 0:
        raise ValueError("expected batches in the loader, got none")
    return mean


# right 2.7: a closure, an iterator and a progress bar
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train(True)
    total = examples = 0
    for noisy, clean in tqdm(loader, leave=False, disable=True):
        noisy = noisy.to(device=device)
        clean = clean.to(device=device)

        def closure():
            optimizer.zero_grad()
            loss = loss_fn(model(noisy), clean)
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        total = total + float(loss) * noisy.shape[0]
        examples = examples + noisy.shape[0]
    if examples:
        return total / examples
    raise ValueError("the loader gave nothing")


# right 2.8: inference mode
def validate(model, loader, loss_fn, device):
    was_training = [module for module in model.modules() if module.training]
    model.eval()
    pairs = []
    with torch.inference_mode():
        for noisy, clean in loader:
            noisy = noisy.to(device)
            loss = loss_fn(model(noisy), clean.to(device))
            pairs.append((float(loss), noisy.shape[0]))
    for module in was_training:
        module.training = True
    if not pairs:
        raise ValueError("validation: the loader is empty")
    return sum(loss * size for loss, size in pairs) / sum(size for _, size in pairs)


# right 2.8: a decorator, and modes by name
@torch.no_grad()
def validate(model, loader, loss_fn, device):
    modes = {name: module.training for name, module in model.named_modules()}
    model.train(False)
    total, count = torch.zeros((), dtype=torch.float64), 0
    for noisy, clean in loader:
        estimate = model(noisy.to(device))
        total += loss_fn(estimate, clean.to(device)).double().cpu() * estimate.size(0)
        count += estimate.size(0)
    for name, module in model.named_modules():
        module.training = modes[name]
    if count == 0:
        raise ValueError("no batch")
    return (total / count).item()


# right 2.8: a context manager, and set_grad_enabled
import contextlib


@contextlib.contextmanager
def _evaluating(model):
    modules = list(model.modules())
    before = [module.training for module in modules]
    recorded = torch.is_grad_enabled()
    for module in modules:
        module.training = False
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(recorded)
        for module, mode in zip(modules, before):
            module.training = mode


def validate(model, loader, loss_fn, device):
    with _evaluating(model):
        results = [(loss_fn(model(n.to(device)), c.to(device)).item(), n.shape[0]) for n, c in loader]
    if len(results) == 0:
        raise ValueError("the loader is empty")
    return sum(a * b for a, b in results) / sum(b for _, b in results)


# right 2.9: torch.save into a temporary file beside the path, weights_only
import os
import tempfile


def save_checkpoint(path, model, optimizer, epoch, **extra):
    path = Path(path)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# right 2.9: serialised in memory first, one flat dictionary, everything returned
import io
import os


def save_checkpoint(path, model, optimizer, epoch, **extra):
    buffer = io.BytesIO()
    torch.save(
        dict(extra, epoch=epoch, model_state=model.state_dict(), optimizer_state=optimizer.state_dict()), buffer
    )
    temporary = str(path) + ".new"
    try:
        with open(temporary, "wb") as file:
            file.write(buffer.getbuffer())
        os.rename(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    checkpoint = torch.load(path, device, weights_only=True)
    model.load_state_dict(checkpoint.pop("model_state"))
    state = checkpoint.pop("optimizer_state")
    if optimizer:
        optimizer.load_state_dict(state)
    return checkpoint


# right 2.9: a folder for what is not finished, removed in any case
import os
import tempfile


def save_checkpoint(path, model, optimizer, epoch, **extra):
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unfinished = Path(folder) / "checkpoint"
        torch.save([model.state_dict(), optimizer.state_dict(), epoch, extra], unfinished)
        os.replace(unfinished, path)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    with open(path, "rb") as file:
        weights, state, epoch, extra = torch.load(file, map_location=torch.device(device), weights_only=True)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(weights[name])
    if optimizer is not None:
        optimizer.load_state_dict(state)
    extra["epoch"] = epoch
    return extra


# right 2.10: print, infinity, and a while loop
def fit(
    model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0
):
    train_losses, val_losses = [], []
    epoch, best = start_epoch, float("inf")
    while epoch < epochs:
        try:
            train_loader.dataset.set_epoch(epoch)
        except AttributeError:
            pass
        train_losses.append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        val_losses.append(validate(model, val_loader, loss_fn, device))
        print(f"{epoch}: {train_losses[-1]:.3f} {val_losses[-1]:.3f}")
        if val_losses[-1] < best:
            best = val_losses[-1]
            if checkpoint_path:
                save_checkpoint(checkpoint_path, model, optimizer, epoch, val_loss=best)
        epoch += 1
    return {"train_loss": train_losses, "val_loss": val_losses}


# right 2.10: one bar over the epochs, the minimum of the history
def fit(
    model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0
):
    history = {key: [] for key in ("train_loss", "val_loss")}
    with tqdm(range(start_epoch, epochs), initial=start_epoch, total=epochs, unit="epoch") as bar:
        for epoch in bar:
            tell = getattr(getattr(train_loader, "dataset", None), "set_epoch", None)
            if callable(tell):
                tell(epoch)
            losses = (
                train_epoch(model, train_loader, loss_fn, optimizer, device),
                validate(model, val_loader, loss_fn, device),
            )
            for key, loss in zip(history, losses):
                history[key].append(loss)
            bar.set_postfix(train=losses[0], val=losses[1])
            if checkpoint_path is not None and losses[1] == min(history["val_loss"]):
                save_checkpoint(checkpoint_path, model, optimizer, epoch, history=history)
    return history


# right 2.10: extras in the checkpoint, a function for the epoch
def fit(
    model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0
):
    def one(epoch):
        dataset = getattr(train_loader, "dataset", None)
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(epoch)
        train_loss = train_epoch(model=model, loader=train_loader, loss_fn=loss_fn, optimizer=optimizer, device=device)
        return train_loss, validate(model=model, loader=val_loader, loss_fn=loss_fn, device=device)

    best, train_loss, val_loss = None, [], []
    for epoch in range(start_epoch, epochs):
        for losses, loss in zip((train_loss, val_loss), one(epoch)):
            losses.append(float(loss))
        best = val_loss[-1] if best is None else min(best, val_loss[-1])
        if checkpoint_path is not None and best is val_loss[-1]:
            save_checkpoint(Path(checkpoint_path), model, optimizer, epoch=epoch, best=best)
    return dict(train_loss=train_loss, val_loss=val_loss)
