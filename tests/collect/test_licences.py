"""What services call a licence, and the codes that the settings know."""

from __future__ import annotations

import pytest

from edgetrain.collect.licences import LICENCES, check_licences, licence_code
from edgetrain.core.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CC BY 2.0", "by"),
        ("cc-by-sa-4.0", "by-sa"),
        ("CC BY-SA 3.0 de", "by-sa"),
        ("cc-by-sa-3.0,2.5,2.0,1.0", "by-sa"),
        ("CC BY-NC-ND 4.0", "by-nc-nd"),
        ("by-nc-sa", "by-nc-sa"),
        ("CC0", "cc0"),
        ("CC0 1.0", "cc0"),
        ("cc-zero", "cc0"),
        ("pd", "public-domain"),
        ("pd-usgov", "public-domain"),
        ("Public domain", "public-domain"),
        ("Public Domain Mark 1.0", "public-domain"),
        ("CC BY-ND-NC 1.0", ""),
        ("CC BY-SAX", ""),
        ("CC SAMPLING+ 1.0", ""),
        ("GFDL 1.2", ""),
        ("pdf", ""),
        ("", ""),
    ],
)
def test_a_licence_is_known_by_what_services_call_it(text, code):
    assert licence_code(text) == code


def test_every_code_is_known_by_itself():
    assert [licence_code(code) for code in LICENCES] == list(LICENCES)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        pytest.param(["by", "by_sa"], "names 'by_sa'.*Did you mean \"by-sa\"", id="unknown"),
        pytest.param([], "is empty", id="none"),
    ],
)
def test_a_code_that_does_not_exist_is_refused(codes, message):
    with pytest.raises(SettingsError, match=message):
        check_licences(codes, "collect.licences")
