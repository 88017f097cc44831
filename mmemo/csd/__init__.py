"""The CMU SDK's computational sequences: ``.csd`` files, and alignment as the SDK defines it."""
