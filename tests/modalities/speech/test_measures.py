import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import vocoders
from rhapsode.modalities.speech.lsp import Lsp
from rhapsode.modalities.speech.measures import (
    bap,
    compare,
    f0_correlation,
    f0_rmse,
    lsd,
    matched,
    mcd,
    mel_cepstrum,
    speech,
    voicing_error,
)
from tests.modalities.speech.voice import voice


def test_a_difference_of_level_is_lsd_and_no_mcd() -> None:
    one = np.exp(np.random.default_rng(0).normal(0, 1, (5, 129)))
    two = one * 10 ** (3 / 10)
    assert lsd(two, one) == pytest.approx(3)
    assert mcd(mel_cepstrum(two, 16000), mel_cepstrum(one, 16000)) == pytest.approx(0, abs=1e-9)


def test_lsd_is_a_root_mean_square_of_each_frame() -> None:
    one, two = np.ones((2, 4)), np.ones((2, 4))
    two[0, 0] = 10 ** (8 / 10)
    assert lsd(one, two) == pytest.approx((4 + 0) / 2)
    assert lsd(one, two, np.array([True, False])) == pytest.approx(4)
    assert np.isnan(lsd(one, two, np.zeros(2, bool)))


def test_a_mel_cepstrum_gives_back_its_envelope() -> None:
    """ln |H| = c0 + c1 cos w': at the ends of the scale, w' is w."""
    w = np.linspace(0, np.pi, 513)
    warped = w + 2 * np.arctan(0.41 * np.sin(w) / (1 - 0.41 * np.cos(w)))
    power = np.exp(2 * (0.5 + 0.8 * np.cos(warped) - 0.3 * np.cos(3 * warped)))[None]
    np.testing.assert_allclose(mel_cepstrum(power, 16000, 4)[0], [0.5, 0.8, 0, -0.3, 0], atol=1e-3)
    flat = mel_cepstrum(np.ones((1, 513)), 16000, 4)
    assert mcd(mel_cepstrum(power, 16000, 4), flat) == pytest.approx(
        10 / np.log(10) * (2 * (0.64 + 0.09)) ** 0.5, rel=1e-3
    )


def test_f0_over_frames_voiced_in_both() -> None:
    one, two = np.array([0, 100, 200, 150, 0.0]), np.array([90, 103, 196, 0, 0.0])
    assert f0_rmse(one, two) == pytest.approx(12.5**0.5)
    assert voicing_error(one, two) == pytest.approx(40)
    assert f0_correlation(one, two) == pytest.approx(1)
    assert np.isnan(f0_rmse(one, np.zeros(5))) and np.isnan(f0_correlation(one, np.zeros(5)))
    assert bap(np.array([[-3.0, -4]]), np.zeros((1, 2))) == pytest.approx(12.5**0.5)


def test_time_warping_finds_what_was_stretched() -> None:
    one = np.random.default_rng(0).normal(0, 1, (20, 3))
    i, j = matched(one, np.repeat(one, 3, axis=0))
    assert (i == j // 3).all() and set(j) == set(range(60))
    i, j = matched(one[:1], one)
    assert (i == 0).all() and j.tolist() == list(range(20))


def test_vocoders_can_be_compared() -> None:
    sound, _ = voice()
    found = [vocoders.vocoder(name).analyse(sound) for name in vocoders.available()]
    for one in found:
        same = compare(one, one)
        assert (same.lsd_db, same.mcd_db, same.f0_rmse_hz, same.voicing_error_percent) == (0, 0, 0, 0)
        assert compare(one, found[0], speech(one)).lsd_db < 6
    if len(found) > 1:
        assert np.isnan(compare(found[0], found[1]).bap_db)


def test_masks_and_refusals() -> None:
    made, sound = Lsp(), voice()[0]
    found = made.analyse(sound)
    mask = speech(found)
    assert 0.5 < mask.mean() < 0.85 and compare(found, found, mask).frames == mask.sum()
    assert compare(found, made.analyse(sound, 0.005), mask[:-1]).frames == mask[:-1].sum()
    with pytest.raises(UserError, match="one rate"):
        compare(found, made.analyse(voice(8000)[0]))
    with pytest.raises(UserError, match="one by one"):
        compare(found, made.analyse(voice(seconds=0.8)[0]))
