"""M04: the scores of quote stripping on real mails do not get worse, and no new text is lost."""

from channels.email.quotes import split
from tests.channels.quote_scores import MAILS, scores, table


def test_no_new_text_of_a_real_mail_is_lost() -> None:
    assert {score.name: score.lost for score in scores() if score.lost} == {}


def test_real_mails_are_cut_as_well_as_was_measured() -> None:
    found = scores()

    assert sum(score.exact for score in found) >= 54
    assert sum(score.verdict == "clean" for score in found) >= 54
    assert len(found) == len([path for path in MAILS.rglob("*") if path.suffix in (".txt", ".eml")])


def test_the_scores_tell_good_from_bad() -> None:
    nothing_cut = scores(lambda text: text)
    all_cut = scores(lambda text: "")
    first_line = scores(lambda text: split(text).new.partition("\n")[0])

    assert sum(score.verdict == "kept" for score in nothing_cut) > 30
    assert sum(score.verdict == "LOST" for score in all_cut) > 50
    assert 10 < sum(score.verdict == "LOST" for score in first_line) < 50
    assert table(nothing_cut).startswith("54 | ")
