from engine.core.memory import MOST, remembered


class Owner:
    pass


def test_is_made_once_per_owner_and_key() -> None:
    owner, made = Owner(), list[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [remembered(owner, "a", make), remembered(owner, "a", make), remembered(owner, "b", make)] == [1, 1, 2]
    assert remembered(Owner(), "a", make) == 3


def test_keeps_a_bounded_number() -> None:
    owner = Owner()
    for number in range(3 * MOST):
        remembered(owner, number, object)
    assert len(owner.__dict__["_remembered"]) <= MOST
