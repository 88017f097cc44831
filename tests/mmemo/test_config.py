import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from mmemo.config import Config, ModelConfig
from mmemo.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text('[model]\nmodalities = ["text"]\n[train]\nlearning_rate = 1\n')
    return path


def test_what_a_file_leaves_out_keeps_its_default(file: Path) -> None:
    config = Config.load(file)
    assert config.model.modalities == ("text",)
    assert config.train.learning_rate == 1.0
    assert config.data == Config().data


def test_overrides_win_over_the_file_and_take_toml_or_bare_strings(file: Path) -> None:
    config = Config.load(
        file,
        [
            "train.learning_rate=3e-4",
            'model.modalities=["visual", "text"]',
            "features.vectors=my vectors/glove.txt",
            'model.encoder = "gru"',
            "model.decoder=binary",
        ],
    )
    assert config.train.learning_rate == 3e-4
    assert config.model.modalities == ("visual", "text")
    assert config.features.vectors == "my vectors/glove.txt"
    assert (config.model.encoder, config.model.decoder) == ("gru", "binary")


def test_the_last_override_of_a_key_counts(file: Path) -> None:
    assert Config.load(file, ["train.seed=1", "train.seed=2"]).train.seed == 2


def test_json_round_trip(file: Path) -> None:
    config = Config.load(file, ["model.hidden=64"])
    assert Config.from_json(config.to_json()) == config
    assert "\n" not in config.to_json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[model]\nhiden = 3", "model.hiden: unknown key; did you mean hidden?"),
        ("[trian]\nseed = 3", "trian: unknown key; did you mean train?"),
        ("seed = 3", "seed: unknown key; known: model, data, features, train"),
        ("model = 3", "model: expected a section; got 3"),
        ('[model]\nhidden = "wide"', 'model.hidden: input should be a valid integer; got "wide"'),
        ("[train]\nepochs = 2.0", "train.epochs: input should be a valid integer; got 2.0"),
        ("[train]\nepochs = true", "train.epochs: input should be a valid integer; got true"),
        ("[train]\nlearning_rate = nan", "train.learning_rate: input should be a finite number"),
        ("[model]\ndropout = 1.0", "model.dropout: input should be less than 1; got 1.0"),
        ("[model]\nhidden = 130", "model.hidden: expected an even multiple of heads = 4; got 130"),
        ('[model]\ndecoder = "crf"', "model.decoder: input should be 'lattice', 'sequence' or"),
        ('[model]\nmodalities = ["text", "text"]', "model.modalities: expected each at most once"),
        ('[model]\nmodalities = ["smell"]', "model.modalities: input should be 'text', 'audio'"),
        ("[model]\nmodalities = []", "model.modalities: "),
        ("[model", "expected TOML"),
        ("x = " + "[" * 100_000, "expected TOML"),
    ],
)
def test_a_bad_file_is_one_line_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Config.load(path)
    message = str(caught.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "model.hidden=wide",
            "override 'model.hidden=wide': model.hidden: input should be a valid",
        ),
        (
            "model.hidden=130",
            "override 'model.hidden=130': model.hidden: expected an even multiple",
        ),
        ("model.hiden=3", "override 'model.hiden=3': model.hiden: unknown key; did you mean"),
        ("train.epochs=3\nseed=2", "train.epochs: input should be a valid integer"),
        ("hidden=3", "expected section.key=value"),
        ("model.hidden", "expected section.key=value"),
        ("model..hidden=3", "expected section.key=value"),
        ("=", "expected section.key=value"),
    ],
)
def test_a_bad_override_is_blamed_itself(file: Path, override: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(file, [override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_like_or_binary_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read it"):
        Config.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot read it"):
        Config.load(tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        Config.load(tmp_path / "b.toml")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {"hiden": 3}}', '{"model": null}'])
def test_broken_json_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError, match="saved configuration"):
        Config.from_json(text)


def test_options_are_frozen_described_and_travel() -> None:
    config = Config()
    with pytest.raises(ValidationError, match="frozen"):
        config.train.seed = 3
    for section in Config.model_fields.values():
        assert all(field.description for field in section.annotation.model_fields.values())
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(ModelConfig()) == hash(ModelConfig())
