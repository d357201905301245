"""Which reports are sent when."""

from agent.core.handover import Batch, Handover


def greeted(watermark: int = 0) -> Handover:
    handover = Handover(in_flight=2, batch=10, patience_s=60, first=20)
    handover.connected(0)
    handover.acknowledged(watermark, 0)
    return handover


def test_nothing_is_sent_before_the_cloud_has_spoken() -> None:
    handover = Handover()
    handover.connected(0)
    assert handover.next() is None


def test_hello_is_said_again_until_the_cloud_answers() -> None:
    handover = Handover()
    handover.connected(0)
    assert [now for now in range(12) if handover.hello_due(now)] == [0, 5, 10]
    handover.acknowledged(7, 12)
    assert not handover.hello_due(100)


def test_sending_resumes_where_the_cloud_is() -> None:
    assert greeted(41).next() == Batch(41, 10)


def test_batches_follow_each_other_up_to_the_limit() -> None:
    handover = greeted()
    handover.sent(10, 1)
    assert handover.next() == Batch(10, 10)
    handover.sent(20, 1)
    assert handover.next() is None
    handover.acknowledged(10, 2)
    assert handover.next() == Batch(20, 10)


def test_a_watermark_inside_a_batch_leaves_the_batch_on_its_way() -> None:
    handover = greeted()
    handover.sent(10, 1)
    handover.sent(20, 1)
    handover.acknowledged(9, 2)
    assert handover.next() is None


def test_an_old_watermark_changes_nothing() -> None:
    handover = greeted(40)
    handover.acknowledged(10, 1)
    assert handover.watermark == 40
    assert handover.next() == Batch(40, 10)


def test_a_new_connection_forgets_what_was_on_its_way() -> None:
    handover = greeted()
    handover.sent(10, 1)
    handover.connected(2)
    assert handover.next() is None
    handover.acknowledged(0, 3)
    assert handover.next() == Batch(0, 10)


def test_silence_while_something_waits_is_a_stall() -> None:
    handover = greeted()
    assert not handover.stalled(1000)  # nothing waits
    handover.sent(10, 1000)
    assert not handover.stalled(1060)
    assert handover.stalled(1061)
    handover.acknowledged(10, 1061)
    assert not handover.stalled(5000)


def test_a_cloud_that_never_answers_is_a_stall() -> None:
    handover = Handover(patience_s=60)
    handover.connected(100)
    assert not handover.stalled(150)
    assert handover.stalled(161)


def test_over_a_slow_line_no_more_is_on_its_way_than_a_live_report_can_wait_for() -> None:
    handover = Handover(in_flight=2, batch=10, first=5)
    handover.connected(0)
    handover.acknowledged(0, 0)
    sent = []
    for now, took_s in ((1, 0.2), (2, 0.2), (3, 0.2), (4, 5), (10, 5), (20, 5)):
        last = handover.upto
        while batch := handover.next():
            handover.sent(batch.after + batch.limit, now)
        sent.append(handover.upto - last)
        handover.acknowledged(handover.upto, now + took_s)
    assert sent == [5, 10, 20, 20, 10, 5]
