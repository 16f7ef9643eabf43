"""Providers by name."""

from __future__ import annotations

import pytest

from edgetrain.collect.candidates import PictureSearch
from edgetrain.collect.providers.registry import find_providers
from edgetrain.core.errors import SettingsError


@pytest.fixture
def asked_at(settings):
    """Return a function that gives the first address that a provider asks, by its name."""

    def ask(name, **changes):
        (provider,) = find_providers(settings(collect__provider=name, **changes).collect).values()
        places = []

        def fetch_json(url, _parameters):
            places.append(url)
            return {"results": [], "batchcomplete": True}

        assert list(provider(PictureSearch("fox", ("by",)), fetch_json)) == []
        return places

    return ask


def test_a_service_is_asked_at_the_address_of_the_settings(asked_at):
    assert asked_at("openverse", collect__openverse_url="http://a.test/") == ["http://a.test/"]
    assert asked_at("wikimedia", collect__wikimedia_url="http://b.test/") == ["http://b.test/"]


def test_providers_keep_the_order_in_which_they_are_named(settings):
    assert list(find_providers(settings(collect__provider="wikimedia, openverse").collect)) == [
        "wikimedia",
        "openverse",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "collect.provider is empty", id="none"),
        pytest.param("wikimedai", 'Did you mean "wikimedia"', id="misspelt"),
        pytest.param("json:nothing", "json:nothing cannot be loaded .*nothing", id="no such function"),
        pytest.param(":look", ":look cannot be loaded", id="no module"),
    ],
)
def test_a_provider_that_does_not_exist_is_refused(settings, name, message):
    with pytest.raises(SettingsError, match=message):
        find_providers(settings(collect__provider=name).collect)
