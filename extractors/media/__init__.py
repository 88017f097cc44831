"""Read sound and frames from media files, with their times. No other code deals with codecs.

Both share one time zero: the container's stated start, which is the earlier of sound and picture,
or 0 where that is negative (the priming of a lossy codec). All times count from it, also when
reading begins later.
"""

from extractors.media.container import Limits
from extractors.media.decoder import Decoder, decode, read_frames, read_sound
from extractors.media.info import MediaInfo, probe

__all__ = ["Decoder", "Limits", "MediaInfo", "decode", "probe", "read_frames", "read_sound"]
