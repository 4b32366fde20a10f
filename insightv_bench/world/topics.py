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


TOPICS = {
    "fruit": Topic(
        "Fruit",
        tuple("Apples Pears Plums Grapes Lemons Mangoes Melons Cherries Figs Kiwis Limes".split()),
        (
            ("Fruit sold at the market", "Crates"),
            ("Harvest of the orchard", "Boxes"),
            ("Fruit in the store", "Pallets"),
        ),
    ),
    "countries": Topic(
        "Country",
        tuple("Norway Kenya Peru Japan Spain Canada Chile India Ghana Poland Brazil Egypt".split()),
        (("Visitors by country", "Visitors"), ("Entries by country", "Entries"), ("Projects by country", "Projects")),
    ),
    "departments": Topic(
        "Department",
        tuple("Sales Finance Legal Support Design Research Marketing Logistics Training Security".split()),
        (("Staff by department", "Staff"), ("Open requests by department", "Requests"), ("Laptops in use", "Laptops")),
    ),
    "sports": Topic(
        "Sport",
        tuple("Tennis Football Rowing Judo Cycling Hockey Boxing Golf Sailing Fencing Rugby".split()),
        (("Members by sport", "Members"), ("Favourite sports of a school", "Pupils"), ("Courses booked", "Courses")),
    ),
    "animals": Topic(
        "Animal",
        tuple("Foxes Owls Deer Hares Wolves Otters Bears Eagles Beavers Badgers Herons".split()),
        (
            ("Animals seen in the park", "Animals"),
            ("Wildlife count", "Animals"),
            ("Sightings in one season", "Sightings"),
        ),
    ),
    "drinks": Topic(
        "Drink",
        tuple("Coffee Tea Juice Milk Water Cocoa Lemonade Cider Soda Smoothies".split()),
        (("Drinks ordered in a day", "Orders"), ("Drinks sold at the fair", "Cups")),
    ),
    "subjects": Topic(
        "Subject",
        tuple("Maths Physics Biology History Music Art Latin Geography Chemistry Drama".split()),
        (
            ("Books in the school library", "Books"),
            ("Pupils by favourite subject", "Pupils"),
            ("Lessons in a term", "Lessons"),
        ),
    ),
    "transport": Topic(
        "Means",
        tuple("Bus Train Bicycle Car Tram Ferry Metro Walking Taxi Scooter".split()),
        (("How people get to work", "People"), ("Trips by means of transport", "Trips")),
    ),
    "materials": Topic(
        "Material",
        tuple("Paper Glass Metal Plastic Textiles Wood Rubber Ceramics Concrete".split()),
        (("Waste collected in a week", "Tonnes"), ("Material in the depot", "Containers")),
    ),
    "instruments": Topic(
        "Instrument",
        tuple("Piano Violin Flute Guitar Drums Cello Trumpet Harp Oboe Clarinet".split()),
        (("Lessons by instrument", "Lessons"), ("Players in the city's orchestras", "Players")),
    ),
    "months": Topic(
        "Month",
        tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()),
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
        tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()),
        (("Calls to the office", "Calls"), ("Guests by day", "Guests"), ("Parcels delivered", "Parcels")),
        ordered=True,
    ),
    "planets": Topic(
        "Planet",
        tuple("Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split()),
        (("Questions asked at the observatory", "Questions"), ("Cards in a planet quiz", "Cards")),
        ordered=True,
    ),
}
