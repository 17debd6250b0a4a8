"""Ctrl-C: the first one asks, the second one aborts; outside a training the signals are as they were."""

import signal
import threading

import pytest

from reverie.cli.watch import StopRequest


def test_the_first_asks_and_the_second_aborts(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop(), "the loop is told and goes on to its end"
        assert "once more to abort" in capsys.readouterr().err
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_polite_kill_saves_too() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop()
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_a_thread_it_only_holds_the_flag() -> None:
    found: list[bool] = []

    def work() -> None:
        with StopRequest() as stop:
            found.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
