"""Where a model runs."""

from mmemo.errors import ConfigError


def find_device(name: str = "auto", *, asked_by: str = "device") -> str:
    """Turn ``auto`` into the best device there is; check that another one is there.

    Args:
        name: auto, or PyTorch's name of a device.
        asked_by: what to call the option in an error.

    Raises:
        ConfigError: it is not there.
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
