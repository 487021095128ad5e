"""``KGPRISM_HOME``."""

from pathlib import Path

import pytest

from kgprism.platform.errors import ConfigurationError
from kgprism.platform.home import home


def test_home_is_the_named_folder_or_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", "~/store")
    assert home() == Path.home() / "store"
    monkeypatch.delenv("KGPRISM_HOME")
    assert home() == Path.home() / "kgprism"


@pytest.mark.parametrize("address", ["s3://key:secret@bucket/store", "gs://bucket/store", "file:///store"])
def test_an_address_is_refused_in_one_line_that_shows_no_secret(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGPRISM_HOME", address)
    with pytest.raises(ConfigurationError, match="mount it") as refused:
        home()
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
