import pickle
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from mmemo.config import Config, ModelConfig
from mmemo.config.old_names import GROUPS
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
            'model.encoder.kind = "gru"',
            "model.decoder.kind=binary",
        ],
    )
    assert config.train.learning_rate == 3e-4
    assert config.model.modalities == ("visual", "text")
    assert config.features.vectors == "my vectors/glove.txt"
    assert (config.model.encoder.kind, config.model.decoder.kind) == ("gru", "binary")


def test_the_last_override_of_a_key_counts(file: Path) -> None:
    assert Config.load(file, ["train.seed=1", "train.seed=2"]).train.seed == 2


def test_json_round_trip(file: Path) -> None:
    config = Config.load(file, ["model.encoder.hidden=64"])
    assert Config.from_json(config.to_json()) == config
    assert "\n" not in config.to_json()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[model.encoder]\nhiden = 3", "model.encoder.hiden: unknown key; did you mean hidden?"),
        ("[model]\nhiden = 3", "model.hiden: unknown key; did you mean encoder.hidden?"),
        ("[model]\nbeans = 3", "model.beans: unknown key; did you mean decoder.beam?"),
        ("[train]\nr_drop = 0.5", "train.r_drop: unknown key"),
        ("[trian]\nseed = 3", "trian: unknown key; did you mean train?"),
        ("seed = 3", "seed: unknown key; did you mean train.seed?"),
        ("zzz = 3", "zzz: unknown key; known: model, data, features, train"),
        ("model = 3", "model: expected a section; got 3"),
        ("[model]\ntext = 3", "model.text: expected a section; got 3"),
        ("[model.encoder]\nhidden = true", "model.encoder.hidden: input should be a valid integer"),
        ('[model]\nhidden = "wide"', 'encoder.hidden: input should be a valid integer; got "wide"'),
        ("[train]\nepochs = 2.0", "train.epochs: input should be a valid integer; got 2.0"),
        ("[train]\nepochs = true", "train.epochs: input should be a valid integer; got true"),
        ("[train]\nlearning_rate = nan", "train.learning_rate: input should be a finite number"),
        ("[model.encoder]\ndropout = 1.0", "encoder.dropout: input should be less than 1; got 1.0"),
        (
            "[model.encoder]\nhidden = 130",
            "model.encoder.hidden: expected an even multiple of heads = 4; got 130",
        ),
        (
            '[model.decoder]\nkind = "crf"',
            "model.decoder.kind: input should be 'lattice', 'sequence' or",
        ),
        (
            '[model.pretrained]\nname = "x"\n[model.text]\nknown_words = 5',
            "model.text.known_words: expected 0 with a pretrained encoder",
        ),
        ('[model.pretrained]\nspan = "video"', "model.pretrained.span: expected"),
        ('[model]\nmodalities = ["text", "text"]', "model.modalities: expected each at most once"),
        ('[model]\nmodalities = ["smell"]', "model.modalities: input should be 'text', 'audio'"),
        ("[model]\nmodalities = []", "model.modalities: "),
        ("[model", "expected TOML"),
        ("x = " + "[" * 100_000, "expected TOML"),
    ],
)
def test_a_bad_file_is_one_line_with_file_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Config.load(path)
    message = str(caught.value)
    assert expected in message
    assert str(path) in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "model.encoder.hidden=wide",
            "override 'model.encoder.hidden=wide': model.encoder.hidden: input should be a valid",
        ),
        (
            "model.encoder.hidden=130",
            "override 'model.encoder.hidden=130': model.encoder.hidden: expected an even multiple",
        ),
        ("model.hidden=130", "override 'model.hidden=130': model.encoder.hidden: expected an even"),
        (
            "model.encoder.hiden=3",
            "override 'model.encoder.hiden=3': model.encoder.hiden: unknown key; did you mean",
        ),
        (
            "model.modalities.text=3",
            "override 'model.modalities.text=3': expected model.modalities to be a section",
        ),
        ("train.epochs=3\nseed=2", "train.epochs: input should be a valid integer"),
        ("hidden=3", "expected section.key=value"),
        ("model.encoder.hidden", "expected section.key=value"),
        ("model..hidden=3", "expected section.key=value"),
        ("=", "expected section.key=value"),
    ],
)
def test_a_bad_override_is_blamed_itself(file: Path, override: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(file, [override])
    assert expected in str(caught.value)
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
    sections = [section.annotation for section in Config.model_fields.values()]
    for section in sections:
        assert all(field.description for field in section.model_fields.values())
        sections += [
            field.annotation
            for field in section.model_fields.values()
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ]
    assert len(sections) == 9
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(ModelConfig()) == hash(ModelConfig())


OLD = """
[model]
encoder = "gru"
hidden = 64
heads = 2
encoder_layers = 1
decoder = "sequence"
decoder_layers = 3
auxiliary = 0.3
pace = true
context = "video"
context_clips = 7
pretrained = "minilm-l6"
pretrained_span = "video"
pretrained_frozen_layers = 4
"""
NEW = """
[model.encoder]
kind = "gru"
hidden = 64
heads = 2
layers = 1
[model.decoder]
kind = "sequence"
layers = 3
degree_loss = 0.3
[model.text]
clip_length = true
[model.context]
kind = "video"
clips = 7
[model.pretrained]
name = "minilm-l6"
span = "video"
frozen_layers = 4
"""


def test_files_with_the_option_names_of_earlier_versions_load_with_a_warning(tmp_path, caplog):
    (tmp_path / "old.toml").write_text(OLD)
    (tmp_path / "new.toml").write_text(NEW)
    new = Config.load(tmp_path / "new.toml")
    assert not caplog.records
    assert Config.load(tmp_path / "old.toml") == new
    [record] = caplog.records
    assert "old.toml" in record.message
    assert "model.pace is now model.text.clip_length" in record.message
    assert Config.load(tmp_path / "new.toml", ["model.encoder=transformer"]).model.encoder == (
        new.model.encoder.model_copy(update={"kind": "transformer"})
    )
    assert "model.encoder is now model.encoder.kind" in caplog.text


def test_every_old_option_name_leads_to_an_option_of_today():
    for group, names in GROUPS.items():
        options = ModelConfig.model_fields[group].annotation.model_fields
        assert set(names.values()) == set(options)


def test_some_options_replaced():
    config = Config().with_options({"model.encoder.hidden": 64, "train.seed": 3}, "[search]")
    assert (config.model.encoder.hidden, config.train.seed) == (64, 3)
    assert config.with_options({"model.hidden": 128, "train.seed": 0}, "[search]") == Config()
    with pytest.raises(ConfigError, match=r"\[search\]: train\.speed: unknown key"):
        config.with_options({"train.speed": 1}, "[search]")
