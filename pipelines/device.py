"""The device that a model runs on."""

from mmemo.errors import ConfigError


def find_device(name: str = "auto", *, asked_by: str = "device") -> str:
    """Return the name of a device: for ``auto`` the best one, else ``name`` if available.

    Args:
        name: auto, or PyTorch's name of a device.
        asked_by: name of the option in errors.

    Raises:
        ConfigError: the device is not available.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{asked_by} {name}: not available ({reason}); try auto") from None
    return name
