"""Scripts as Twilio reads them: escaped, whole, and nothing in them that XML can't hold."""

from xml.etree.ElementTree import fromstring

from outrider.providers.voice.interface import Ask, GoOn, HangUp, Pause, Play, Say
from outrider.providers.voice.twiml import LONGEST_SAID, written


def test_each_step_has_its_word() -> None:
    steps = [
        Say("Guten Tag", "de-DE"), Play("https://a.test/1.mp3?a=1&b=2"), Pause(2),
        Ask([Say("Press 1.")], "https://a.test/keys?call=1&x=2", keys=2, seconds=9), GoOn("https://a.test/next"), HangUp(),
    ]  # fmt: skip
    script = fromstring(written(steps))
    assert [each.tag for each in script] == ["Say", "Play", "Pause", "Gather", "Redirect", "Hangup"]
    assert script[0].attrib == {"language": "de-DE"}
    assert script[1].text == "https://a.test/1.mp3?a=1&b=2"
    assert script[3].attrib == {
        "input": "dtmf", "numDigits": "2", "timeout": "9", "action": "https://a.test/keys?call=1&x=2#rc=5&rp=5xx,ct,rt", "method": "POST",
        "actionOnEmptyResult": "true",
    }  # fmt: skip
    assert script[3][0].text == "Press 1."


def test_no_text_breaks_out_of_its_place() -> None:
    text = '</Say><Dial>+1900</Dial><Say>" & \x00\x0b\ud800\uffff😀'
    script = fromstring(written([Say(text)]))
    assert [each.tag for each in script] == ["Say"]
    assert script[0].text == '</Say><Dial>+1900</Dial><Say>" & 😀'


def test_a_long_text_is_said_whole_in_parts() -> None:
    text = " ".join(f"word{number}" for number in range(2_000))
    parts = [each.text or "" for each in fromstring(written([Say(text)]))]
    assert "".join(parts) == text
    assert max(map(len, parts)) <= LONGEST_SAID
    assert [each.tag for each in fromstring(written([Say("  ")]))] == []
