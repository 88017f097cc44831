"""The embedded sample corpus: real MP4 clips of a synthetic talking head, made on the spot.

``corpus`` is the command and ``build`` its work. ``plan`` draws the content of each clip,
``sentences`` writes the words, ``espeak`` and ``voice`` speak them, ``portrait``, ``warp`` and
``face`` show them, and ``movie`` puts both into a file.
"""
