"""How many threads train."""

import argparse

import pytest
import torch

from mmemo.config import Config
from pipelines.commands.options import set_threads
from pipelines.workers.threads import usable_cores


@pytest.mark.parametrize("encoder", ["", "minilm-l6"])
@pytest.mark.parametrize("asked", [None, 3])
def test_only_text_encoders_are_trained_on_all_cores(encoder, asked):
    before = torch.get_num_threads()
    config = Config().with_options({"model.pretrained.name": encoder}, "a test")
    try:
        set_threads(argparse.Namespace(threads=asked), config)
        assert torch.get_num_threads() == (asked or (usable_cores() if encoder else 1))
    finally:
        torch.set_num_threads(before)
