# wrong 2.7: old gradients are never cleared; symptom: gradient cleared
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: gradients are cleared between backward and step; symptom: gradient cleared and stepped
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the optimizer never steps; symptom: gradient cleared and stepped
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: one step at the end of the epoch; symptom: gradient cleared and stepped
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    optimizer.zero_grad()
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        loss.backward()
        total += loss.item() * len(noisy)
        count += len(noisy)
    optimizer.step()
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the step comes before the gradient; symptom: gradient cleared and stepped
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the mean over batches; symptom: do small batches count like large ones
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    losses = []
    for noisy, clean in loader:
        loss = loss_fn(model(noisy.to(device)), clean.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if not losses:
        raise ValueError("the loader is empty")
    return sum(losses) / len(losses)


# wrong 2.7: the sum over batches; symptom: mean over examples
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    losses = []
    for noisy, clean in loader:
        loss = loss_fn(model(noisy.to(device)), clean.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if not losses:
        raise ValueError("the loader is empty")
    return sum(losses)


# wrong 2.7: the loss of the last batch is returned; symptom: mean over examples
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    loss = None
    for noisy, clean in loader:
        loss = loss_fn(model(noisy.to(device)), clean.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if loss is None:
        raise ValueError("the loader is empty")
    return loss.item()


# wrong 2.7: the loss is measured again after the step; symptom: taken before its step
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss_fn(model(noisy), clean).item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: each batch is stepped on twice; symptom: gradient cleared and stepped
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        for _ in range(2):
            loss = loss_fn(model(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: a tensor is returned; symptom: expected a float
_train_epoch = train_epoch


def train_epoch(*arguments):
    return torch.tensor(_train_epoch(*arguments))


# wrong 2.7: the model is not put into training mode; symptom: in evaluation mode
def train_epoch(model, loader, loss_fn, optimizer, device):
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: only the outermost module is put into training mode; symptom: in evaluation mode
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.training = True
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the model trains in evaluation mode; symptom: in evaluation mode
_train_epoch = train_epoch


def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train = lambda mode=True: model
    model.eval()
    for module in model.modules():
        module.training = False
    return _train_epoch(model, loader, loss_fn, optimizer, device)


# wrong 2.7: the mean is over the dataset's length, not over what came; symptom: Any iterable is a loader
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total = 0.0
    if len(loader) == 0:
        raise ValueError("the loader is empty")
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
    return total / len(loader.dataset)


# wrong 2.7: batches are not moved to the device; symptom: moved by .to\(device\)
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: clean is not moved to the device; symptom: moved by .to\(device\)
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        loss = loss_fn(model(noisy.to(device)), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the loss gets the target first; symptom: estimate first
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(clean, model(noisy))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: the model is given the clean speech; symptom: by hand|mean over examples
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(clean), noisy)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.7: an empty loader divides by zero; symptom: ZeroDivision
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    return total / count


# wrong 2.7: an empty loader gives 0; symptom: train_epoch with an empty loader must raise
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    return total / max(count, 1)


# wrong 2.7: only the first batch is used; symptom: by hand|mean over examples
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    for noisy, clean in loader:
        loss = loss_fn(model(noisy.to(device)), clean.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()
    raise ValueError("the loader is empty")


# wrong 2.7: gradients are clipped, which nobody asked for; symptom: by hand|nothing else
def train_epoch(model, loader, loss_fn, optimizer, device):
    model.train()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        loss = loss_fn(model(noisy), clean)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        total += loss.item() * len(noisy)
        count += len(noisy)
    if not count:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: training mode is switched on afterwards, whatever it was; symptom: now in training mode|still in it afterwards
def validate(model, loader, loss_fn, device):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    model.train()
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: the model stays in evaluation mode; symptom: not back in training mode
def validate(model, loader, loss_fn, device):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: all submodules get the outermost one's mode back; symptom: a submodule that was in evaluation mode
def validate(model, loader, loss_fn, device):
    mode = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    model.train(mode)
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: the outermost module alone gets its mode back; symptom: not back in training mode
def validate(model, loader, loss_fn, device):
    mode = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    model.training = mode
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: validation in training mode; symptom: validated in training mode
def validate(model, loader, loss_fn, device):
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: gradients are recorded; symptom: gradients were recorded
def validate(model, loader, loss_fn, device):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    total, count = 0.0, 0
    for noisy, clean in loader:
        noisy, clean = noisy.to(device), clean.to(device)
        total += loss_fn(model(noisy), clean).item() * len(noisy)
        count += len(noisy)
    for module, mode in modes.items():
        module.training = mode
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: gradients stay switched off; symptom: gradients recorded again
_validate = validate


def validate(*arguments):
    torch.set_grad_enabled(False)
    return _validate(*arguments)


# wrong 2.8: gradients that were there are cleared; symptom: old ones left
_validate = validate


def validate(model, *arguments):
    model.zero_grad()
    return _validate(model, *arguments)


# wrong 2.8: the mean over batches; symptom: the mean over examples is
def validate(model, loader, loss_fn, device):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    losses = []
    with torch.no_grad():
        for noisy, clean in loader:
            losses.append(loss_fn(model(noisy.to(device)), clean.to(device)).item())
    for module, mode in modes.items():
        module.training = mode
    if not losses:
        raise ValueError("the loader is empty")
    return sum(losses) / len(losses)


# wrong 2.8: the sum over batches is returned; symptom: the mean over examples is
def validate(model, loader, loss_fn, device):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    losses = []
    with torch.no_grad():
        for noisy, clean in loader:
            losses.append(loss_fn(model(noisy.to(device)), clean.to(device)).item() * len(noisy))
    for module, mode in modes.items():
        module.training = mode
    if not losses:
        raise ValueError("the loader is empty")
    return sum(losses)


# wrong 2.8: a tensor is returned; symptom: expected a float
_validate = validate


def validate(*arguments):
    return torch.tensor(_validate(*arguments))


# wrong 2.8: an empty loader gives infinity; symptom: validate with an empty loader must raise
_validate = validate


def validate(*arguments):
    try:
        return _validate(*arguments)
    except ValueError:
        return float("inf")


# wrong 2.8: an empty loader divides by zero; symptom: ZeroDivisionError
_validate = validate


def validate(*arguments):
    try:
        return _validate(*arguments)
    except ValueError as error:
        raise ZeroDivisionError("division by zero") from error


# wrong 2.8: the loss gets the target first; symptom: loss_fn\(model\(noisy\), clean\)
_validate = validate


def validate(model, loader, loss_fn, device):
    return _validate(model, loader, lambda estimate, target: loss_fn(target, estimate), device)


# wrong 2.8: the loss compares noisy with clean; symptom: mean over examples|loss_fn
_validate = validate


def validate(model, loader, loss_fn, device):
    class Nothing(nn.Module):
        def forward(self, noisy):
            return noisy

    return _validate(Nothing(), loader, loss_fn, device)


# wrong 2.8: batches are not moved to the device; symptom: moved by .to\(device\)
def validate(model, loader, loss_fn, device):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for noisy, clean in loader:
            total += loss_fn(model(noisy), clean).item() * len(noisy)
            count += len(noisy)
    for module, mode in modes.items():
        module.training = mode
    if count == 0:
        raise ValueError("the loader is empty")
    return total / count


# wrong 2.8: the length of the loader is asked for, which a generator has not; symptom: Any iterable is a loader
_validate = validate


def validate(model, loader, loss_fn, device):
    if len(loader) == 0:
        raise ValueError("the loader is empty")
    return _validate(model, loader, loss_fn, device)


# wrong 2.8: the mean is over the dataset's length; symptom: Any iterable is a loader
def validate(model, loader, loss_fn, device):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    total = 0.0
    with torch.no_grad():
        for noisy, clean in loader:
            noisy, clean = noisy.to(device), clean.to(device)
            total += loss_fn(model(noisy), clean).item() * len(noisy)
    for module, mode in modes.items():
        module.training = mode
    return total / len(loader.dataset)


# wrong 2.8: all gradients of parameters are switched off for good; symptom: gradients
_validate = validate


def validate(model, loader, loss_fn, device):
    for parameter in model.parameters():
        parameter.requires_grad_(False)
        parameter.grad = None
    return _validate(model, loader, loss_fn, device)


# wrong 2.9: torch.save writes to the path itself; symptom: not intact|renamed into place
def save_checkpoint(path, model, optimizer, epoch, **extra):
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}, path)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: serialised first, but then written over the old file; symptom: renamed into place
import io


def save_checkpoint(path, model, optimizer, epoch, **extra):
    buffer = io.BytesIO()
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}, buffer
    )
    Path(path).write_bytes(buffer.getvalue())


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: a failed save leaves the temporary file behind; symptom: temporary one left behind
def save_checkpoint(path, model, optimizer, epoch, **extra):
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    temporary = Path(f"{path}.tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: the old file is deleted before the new one is written; symptom: not intact|FileNotFound|there are now
_save_checkpoint = save_checkpoint


def save_checkpoint(path, *arguments, **extra):
    Path(path).unlink(missing_ok=True)
    _save_checkpoint(path, *arguments, **extra)


# wrong 2.9: an error while saving is swallowed; symptom: cannot be saved must raise
_save_checkpoint = save_checkpoint


def save_checkpoint(path, *arguments, **extra):
    try:
        _save_checkpoint(path, *arguments, **extra)
    except Exception:
        print("could not save")


# wrong 2.9: torch.load runs whatever code the file holds; symptom: weights_only=True
def save_checkpoint(path, model, optimizer, epoch, **extra):
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = torch.load(path, map_location=device, weights_only=False)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: what cannot be loaded safely is loaded unsafely; symptom: weights_only=True
def save_checkpoint(path, model, optimizer, epoch, **extra):
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception:
        state = torch.load(path, map_location=device, weights_only=False)
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: pickle; symptom: pickle is unsafe
import pickle


def save_checkpoint(path, model, optimizer, epoch, **extra):
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    with replacing(path) as temporary:
        temporary.write_bytes(pickle.dumps(state))


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = pickle.loads(Path(path).read_bytes())
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: a gzipped pickle; symptom: pickle is unsafe
import gzip
import pickle


def save_checkpoint(path, model, optimizer, epoch, **extra):
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(pickle.dumps(state)))


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = pickle.loads(gzip.decompress(Path(path).read_bytes()))
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: the optimizer is not restored; symptom: optimizer's state restored
_load_checkpoint = load_checkpoint


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    return _load_checkpoint(path, model, None, device)


# wrong 2.9: of the optimizer only the learning rate is restored; symptom: optimizer's state restored|and optimizer restored
_load_checkpoint = load_checkpoint


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    loaded = _load_checkpoint(path, model, None, device)
    if optimizer is not None:
        state = read_state(path, device)["optimizer"]
        for group, saved in zip(optimizer.param_groups, state["param_groups"]):
            group["lr"] = saved["lr"]
    return loaded


# wrong 2.9: parameters are saved, buffers are not; symptom: buffers too
def save_checkpoint(path, model, optimizer, epoch, **extra):
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with replacing(path) as temporary:
        state = {"model": parameters, "optimizer": optimizer.state_dict(), "epoch": epoch, "extra": extra}
        write_state(temporary, state)


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    state = read_state(path, device)
    model.load_state_dict(state["model"], strict=False)
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.9: the model's parameters are replaced by new ones; symptom: in place|resuming gives other weights
_load_checkpoint = load_checkpoint


def load_checkpoint(path, model, optimizer=None, device="cpu"):
    loaded = _load_checkpoint(path, _copied(model), optimizer, device)
    for name, tensor in read_state(path, device)["model"].items():
        owner, _, own = name.rpartition(".")
        module = model.get_submodule(owner)
        if own in module._parameters:
            module._parameters[own] = nn.Parameter(tensor)
        else:
            module._buffers[own] = tensor
    return loaded


def _copied(model):
    import copy

    return copy.deepcopy(model)


# wrong 2.9: the epoch after the last one is returned; symptom: got the entries
_load_checkpoint = load_checkpoint


def load_checkpoint(*arguments, **keywords):
    loaded = _load_checkpoint(*arguments, **keywords)
    return {**loaded, "epoch": loaded["epoch"] + 1}


# wrong 2.9: the epoch alone is returned; symptom: under their own names
_load_checkpoint = load_checkpoint


def load_checkpoint(*arguments, **keywords):
    return {"epoch": _load_checkpoint(*arguments, **keywords)["epoch"]}


# wrong 2.9: the extras are returned as one entry; symptom: under their own names
_load_checkpoint = load_checkpoint


def load_checkpoint(*arguments, **keywords):
    loaded = _load_checkpoint(*arguments, **keywords)
    epoch = loaded.pop("epoch")
    return {"epoch": epoch, "extra": loaded}


# wrong 2.9: extras are saved as texts; symptom: Do tensors, lists
_save_checkpoint = save_checkpoint


def save_checkpoint(path, model, optimizer, epoch, **extra):
    if any(not isinstance(value, str | int | float | dict | list | Tensor | None) for value in extra.values()):
        raise TypeError("extra")
    _save_checkpoint(path, model, optimizer, epoch, **{name: str(value) for name, value in extra.items()})


# wrong 2.9: a suffix is added to the file's name; symptom: there are now the files
_save_checkpoint, _load_checkpoint = save_checkpoint, load_checkpoint


def save_checkpoint(path, *arguments, **extra):
    _save_checkpoint(f"{path}.pt", *arguments, **extra)


def load_checkpoint(path, *arguments, **keywords):
    return _load_checkpoint(f"{path}.pt", *arguments, **keywords)


# wrong 2.9: epoch 0 is taken for none; symptom: KeyError|epoch 0
_load_checkpoint = load_checkpoint


def load_checkpoint(*arguments, **keywords):
    loaded = _load_checkpoint(*arguments, **keywords)
    return {**loaded, "epoch": loaded["epoch"] or None}


# wrong 2.9: what is in the optimizer is restored only where one is given by position; symptom: .
def load_checkpoint(path, model, *optimizer, device="cpu"):
    state = read_state(path, device)
    model.load_state_dict(state["model"])
    return {"epoch": state["epoch"], **state["extra"]}


# wrong 2.10: the file holds the last epoch; symptom: the file holds epoch
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    dataset = getattr(train_loader, "dataset", None)
    for epoch in range(start_epoch, epochs):
        if hasattr(dataset, "set_epoch"):
            dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None:
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: start_epoch is ignored; symptom: epochs ran
_fit = fit


def fit(*arguments, start_epoch=0, **keywords):
    return _fit(*arguments, **keywords)


# wrong 2.10: epochs are counted from start_epoch on; symptom: epochs counts all
_fit = fit


def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, *arguments, start_epoch=0, **keywords):
    epochs += start_epoch
    return _fit(
        model, train_loader, val_loader, loss_fn, optimizer, epochs, *arguments, start_epoch=start_epoch, **keywords
    )


# wrong 2.10: one epoch too many; symptom: expected 8 losses each|epochs ran
_fit = fit


def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, *arguments, **keywords):
    return _fit(model, train_loader, val_loader, loss_fn, optimizer, epochs + 1, *arguments, **keywords)


# wrong 2.10: the dataset is never told the epoch; symptom: set_epoch was called with
_fit = fit


def fit(model, train_loader, *arguments, **keywords):
    return _fit(model, _Plain(train_loader), *arguments, **keywords)


class _Plain:
    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        return iter(self.loader)


# wrong 2.10: the dataset is told the number from 1; symptom: set_epoch was called with
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch + 1)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the dataset is told the epoch after it was trained on; symptom: before its batches are drawn|set the epoch
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the epoch is counted from 0 after going on; symptom: set_epoch was called with
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(epochs - start_epoch):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: a dataset without set_epoch, or a loader without dataset, is not thought of; symptom: AttributeError
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the validation data are told the epoch too; symptom: training data alone
_fit = fit


def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        for loader in (train_loader, val_loader):
            if hasattr(getattr(loader, "dataset", None), "set_epoch"):
                loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the highest validation loss is kept; symptom: the file holds epoch
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    best = -float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] > best:
            best = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the lowest training loss decides; symptom: the file holds epoch
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["train_loss"][-1] < lowest:
            lowest = history["train_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: a loss is better than the one before, not than all before; symptom: lowest of all
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    before = float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < before:
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
        before = history["val_loss"][-1]
    return history


# wrong 2.10: zero stands for no loss yet; symptom: with what does the comparison begin
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = 0
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and (lowest <= 0 or history["val_loss"][-1] < lowest):
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the comparison begins with 1000; symptom: with what does the comparison begin
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = 1000
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the model goes back to the best weights; symptom: last weights
_fit = fit


def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = _fit(
        model, train_loader, val_loader, loss_fn, optimizer, epochs, device, checkpoint_path, start_epoch
    )
    if checkpoint_path is not None and history["val_loss"]:
        load_checkpoint(checkpoint_path, model)
    return history


# wrong 2.10: the training data are validated on; symptom: passes by the validation's optimum|validate on the other
_fit = fit


def fit(model, train_loader, val_loader, *arguments, **keywords):
    return _fit(model, train_loader, train_loader, *arguments, **keywords)


# wrong 2.10: the validation data are trained on; symptom: optimum|train on the one loader
_fit = fit


def fit(model, train_loader, val_loader, *arguments, **keywords):
    return _fit(model, val_loader, val_loader, *arguments, **keywords)


# wrong 2.10: validation comes before training; symptom: weights are not those|the file holds epoch
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: a new optimizer for each call; symptom: with the optimizer given|weights differ
_fit = fit


def fit(model, train_loader, val_loader, loss_fn, optimizer, *arguments, **keywords):
    optimizer = type(optimizer)(model.parameters(), lr=optimizer.param_groups[0]["lr"])
    return _fit(model, train_loader, val_loader, loss_fn, optimizer, *arguments, **keywords)


# wrong 2.10: an older file's better loss keeps this call from writing; symptom: this call's best epoch
_fit = fit


def fit(*arguments, checkpoint_path=None, **keywords):
    if checkpoint_path is not None and Path(checkpoint_path).exists():
        checkpoint_path = None
    return _fit(*arguments, checkpoint_path=checkpoint_path, **keywords)


# wrong 2.10: the file's epoch is counted from start_epoch; symptom: true number
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for number, epoch in enumerate(range(start_epoch, epochs)):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if checkpoint_path is not None and history["val_loss"][-1] < lowest:
            lowest = history["val_loss"][-1]
            save_checkpoint(checkpoint_path, model, optimizer, number)
    return history


# wrong 2.10: the file is written once, at the end, with the last weights and the best epoch; symptom: file's weights are not those
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = _fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device, None, start_epoch)
    if checkpoint_path is not None and history["val_loss"]:
        best = min(range(len(history["val_loss"])), key=history["val_loss"].__getitem__)
        save_checkpoint(checkpoint_path, model, optimizer, start_epoch + best)
    return history


def _fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device, checkpoint_path, start_epoch):
    history = {"train_loss": [], "val_loss": []}
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
    return history


# wrong 2.10: training stops as soon as validation gets worse; symptom: expected 8 losses each
def fit(model, train_loader, val_loader, loss_fn, optimizer, epochs, device="cpu", checkpoint_path=None, start_epoch=0):
    history = {"train_loss": [], "val_loss": []}
    lowest = float("inf")
    for epoch in range(start_epoch, epochs):
        if hasattr(getattr(train_loader, "dataset", None), "set_epoch"):
            train_loader.dataset.set_epoch(epoch)
        history["train_loss"].append(train_epoch(model, train_loader, loss_fn, optimizer, device))
        history["val_loss"].append(validate(model, val_loader, loss_fn, device))
        if history["val_loss"][-1] >= lowest:
            break
        lowest = history["val_loss"][-1]
        if checkpoint_path is not None:
            save_checkpoint(checkpoint_path, model, optimizer, epoch)
    return history


# wrong 2.10: the history holds tensors; symptom: floats
_fit = fit


def fit(*arguments, **keywords):
    history = _fit(*arguments, **keywords)
    return {name: [torch.tensor(loss) for loss in losses] for name, losses in history.items()}


# wrong 2.10: the history is a list of pairs; symptom: TypeError|history|indices
_fit = fit


def fit(*arguments, **keywords):
    history = _fit(*arguments, **keywords)
    return list(zip(history["train_loss"], history["val_loss"]))
