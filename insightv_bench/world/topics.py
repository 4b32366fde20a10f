"""What charts of the drawn world speak of: labels of one capitalised word each, and titles with what is counted."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """One subject of charts."""

    heading: str
    """What the labels are."""
    labels: tuple[str, ...]
    titles: tuple[tuple[str, str], ...]
    """Each with what its values count."""
    ordered: bool = False
    """The labels have an order, so that a line may join them."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOPICS = {
    "fruit": Topic(
        "Fruit",
        _words("Apples Pears Plums Grapes Lemons Mangoes Melons Cherries Figs Kiwis Limes"),
        (
            ("Fruit sold at the market", "Crates"),
            ("Harvest of the orchard", "Boxes"),
            ("Fruit in the store", "Pallets"),
        ),
    ),
    "countries": Topic(
        "Country",
        _words("Norway Kenya Peru Japan Spain Canada Chile India Ghana Poland Brazil Egypt"),
        (("Visitors by country", "Visitors"), ("Entries by country", "Entries"), ("Projects by country", "Projects")),
    ),
    "departments": Topic(
        "Department",
        _words("Sales Finance Legal Support Design Research Marketing Logistics Training Security"),
        (("Staff by department", "Staff"), ("Open requests by department", "Requests"), ("Laptops in use", "Laptops")),
    ),
    "sports": Topic(
        "Sport",
        _words("Tennis Football Rowing Judo Cycling Hockey Boxing Golf Sailing Fencing Rugby"),
        (("Members by sport", "Members"), ("Favourite sports of a school", "Pupils"), ("Courses booked", "Courses")),
    ),
    "animals": Topic(
        "Animal",
        _words("Foxes Owls Deer Hares Wolves Otters Bears Eagles Beavers Badgers Herons"),
        (
            ("Animals seen in the park", "Animals"),
            ("Wildlife count", "Animals"),
            ("Sightings in one season", "Sightings"),
        ),
    ),
    "drinks": Topic(
        "Drink",
        _words("Coffee Tea Juice Milk Water Cocoa Lemonade Cider Soda Smoothies"),
        (("Drinks ordered in a day", "Orders"), ("Drinks sold at the fair", "Cups")),
    ),
    "subjects": Topic(
        "Subject",
        _words("Maths Physics Biology History Music Art Latin Geography Chemistry Drama"),
        (
            ("Books in the school library", "Books"),
            ("Pupils by favourite subject", "Pupils"),
            ("Lessons in a term", "Lessons"),
        ),
    ),
    "transport": Topic(
        "Means",
        _words("Bus Train Bicycle Car Tram Ferry Metro Walking Taxi Scooter"),
        (("How people get to work", "People"), ("Trips by means of transport", "Trips")),
    ),
    "materials": Topic(
        "Material",
        _words("Paper Glass Metal Plastic Textiles Wood Rubber Ceramics Concrete"),
        (("Waste collected in a week", "Tonnes"), ("Material in the depot", "Containers")),
    ),
    "instruments": Topic(
        "Instrument",
        _words("Piano Violin Flute Guitar Drums Cello Trumpet Harp Oboe Clarinet"),
        (("Lessons by instrument", "Lessons"), ("Players in the city's orchestras", "Players")),
    ),
    "months": Topic(
        "Month",
        _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (
            ("Rainy hours by month", "Hours"),
            ("Orders by month", "Orders"),
            ("Visitors of the museum", "Visitors"),
            ("New members", "Members"),
        ),
        ordered=True,
    ),
    "days": Topic(
        "Day",
        _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        (("Calls to the office", "Calls"), ("Guests by day", "Guests"), ("Parcels delivered", "Parcels")),
        ordered=True,
    ),
    "planets": Topic(
        "Planet",
        _words("Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune"),
        (("Questions asked at the observatory", "Questions"), ("Cards in a planet quiz", "Cards")),
        ordered=True,
    ),
}
