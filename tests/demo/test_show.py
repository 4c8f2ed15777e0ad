"""The demonstration is a test of the whole: it fails unless all four end as they must."""

from outrider.demo import show


async def test_four_people_are_followed_up_and_each_ends_as_they_should() -> None:
    assert await show.run()
