"""The embedded sample corpus: real MP4 clips of a synthetic talking head, made on the spot.

``plan`` says what is in each clip, ``sentences`` writes the words, ``espeak`` and ``voice`` say
them, ``portrait``, ``warp`` and ``face`` show them, ``movie`` puts both into a file.
"""
