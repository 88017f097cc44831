"""The channels that a user leaves out: words, voice or face, by name."""

from collections.abc import Collection, Sequence

from mmemo.errors import ConfigError
from mmemo.features import CHANNEL_NAMES


def modalities_left_out(
    names: str | Collection[str], modalities: Sequence[str], *, asked_by: str = "without"
) -> frozenset[str]:
    """Return the modalities with these names.

    Args:
        names: words, voice, face, or the names of modalities; several or one.
        modalities: those that the model reads.
        asked_by: the option, for messages.

    Raises:
        ConfigError: a name is unknown, the model does not read it, or nothing would remain.
    """
    by_name = {name: modality for modality, name in CHANNEL_NAMES.items()}
    by_name |= {modality: modality for modality in CHANNEL_NAMES}
    asked = (names,) if isinstance(names, str) else names
    reads = ", ".join(CHANNEL_NAMES[modality] for modality in modalities)
    for name in asked:
        if name not in by_name:
            known = ", ".join(CHANNEL_NAMES.values())
            raise ConfigError(f"{asked_by}: expected names among {known}; got {name!r}")
        if by_name[name] not in modalities:
            raise ConfigError(
                f"{asked_by} {name}: expected what the model reads, which is {reads}; it never "
                f"uses the {name}"
            )
    left_out = frozenset(by_name[name] for name in asked)
    if left_out and left_out.issuperset(modalities):
        raise ConfigError(
            f"{asked_by}: expected something to remain of what the model reads ({reads}); all of "
            "it is left out"
        )
    return left_out
