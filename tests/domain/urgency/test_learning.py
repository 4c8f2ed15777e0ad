"""What a user says of mail moves mail like it, by names that can be shown, and nothing else."""

from outrider.domain.urgency.judging import Judgement, Reason
from outrider.domain.urgency.learning import MOST_POINTS, MOST_WEIGHTS, Example, Learnt, apply, learn
from outrider.domain.urgency.topics import Topic


def judgement(
    sender: str = "bob@b.test", *, score: float = 1.0, words: tuple[str, ...] = ("server", "stopped")
) -> Judgement:
    domain = sender.partition("@")[2]
    features = [
        f"sender:{sender}",
        f"domain:{domain}",
        "topic:customer",
        "sign:standstill",
        *(f"word:{w}" for w in words),
    ]
    return Judgement(Topic.CUSTOMER, score, [Reason("standstill", 1.5, "something does not work")], "", features)


def test_a_sender_who_was_not_urgent_once_is_not_the_next_time() -> None:
    learnt = learn([Example(judgement(), is_urgent=False)])
    again = apply(judgement(), learnt)
    assert not again.is_urgent
    assert again.reasons[-1].sign == "learnt"
    assert again.reasons[-1].words.startswith("sender:bob@b.test")


def test_somebody_else_with_other_words_is_judged_as_before() -> None:
    learnt = learn([Example(judgement(), is_urgent=False)])
    other = apply(judgement("eve@c.test", score=1.5, words=("payroll", "bank")), learnt)
    assert other.is_urgent


def test_what_was_missed_rings_the_next_time() -> None:
    learnt = learn([Example(judgement(score=-2.0), is_urgent=True)])
    assert apply(judgement(score=-2.0), learnt).is_urgent


def test_what_was_learnt_has_bounds_and_is_the_same_each_time() -> None:
    many = [
        Example(judgement(f"a{n}@b{n}.test", words=tuple(f"word{n}x{k}" for k in range(40))), is_urgent=n % 2 == 0)
        for n in range(100)
    ]
    learnt = learn(many)
    assert learnt == learn(many)
    assert len(learnt.points) <= MOST_WEIGHTS
    strong = Learnt({"sender:bob@b.test": -100.0})
    assert apply(judgement(), strong).score == 1.0 - MOST_POINTS


def test_a_topic_once_named_is_the_senders_and_the_last_one_counts() -> None:
    lessons = [
        Example(judgement(), is_urgent=True, topic=Topic.TEAM), Example(judgement(), is_urgent=True, topic=Topic.INVESTOR)
    ]  # fmt: skip
    assert apply(judgement(), learn(lessons)).topic is Topic.INVESTOR


def test_from_nothing_nothing_is_learnt() -> None:
    assert learn([]) == Learnt()
    assert apply(judgement(), Learnt()) == judgement()
