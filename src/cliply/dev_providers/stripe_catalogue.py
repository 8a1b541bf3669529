"""What can be bought: products, and their prices."""

from decimal import Decimal

from cliply.dev_providers.stripe_api import Call, Endpoint
from cliply.dev_providers.stripe_errors import wrong
from cliply.dev_providers.stripe_parameters import (
    Address,
    Many,
    Metadata,
    Text,
    Truth,
    Whole,
    call,
    fields,
    listing,
    one_of,
)
from cliply.dev_providers.stripe_world import Account, Thing, merged

INTERVALS = ("day", "week", "month", "year")


def _create_product(account: Account, asked: Call) -> Thing:
    wanted = asked.get("id")
    if wanted is not None and account.find(wanted) is not None:
        raise wrong(f"Product already exists with ID: {wanted}", "id", code="resource_already_exists")
    made = account.new(
        "product",
        "prod",
        active=asked.get("active", True),
        default_price=None,
        description=asked.get("description"),
        images=[],
        marketing_features=[],
        metadata=merged({}, asked.get("metadata", {})),
        name=asked.get("name"),
        package_dimensions=None,
        shippable=None,
        statement_descriptor=None,
        tax_code=None,
        type="service",
        unit_label=None,
        url=asked.get("url"),
    )
    made["id"] = wanted or made["id"]
    made["updated"] = made["created"]
    return account.add(made, event="product.created")


def _update_product(account: Account, asked: Call) -> Thing:
    product = account.get("product", asked.ids["id"])
    with account.changing(product, "product.updated"):
        for name in ("name", "active", "description", "url"):
            if name in asked.params:
                product[name] = asked.params[name]
        if asked.get("default_price"):
            product["default_price"] = account.get("price", asked.get("default_price"), "default_price")["id"]
        product["metadata"] = merged(product["metadata"], asked.get("metadata", {}))
        product["updated"] = account.now()
    return product


def _list_products(account: Account, asked: Call) -> list[Thing]:
    return _fitting(account.every("product"), asked, "active")


def _create_price(account: Account, asked: Call) -> Thing:
    product = account.get("product", asked.get("product"), "product")
    if not product["active"]:
        raise wrong("The product is not active, so no new prices can be added.", "product")
    key = asked.get("lookup_key")
    if key and account.every("price", lookup_key=key):
        raise wrong(f"A price ({key}) already uses that lookup key.", "lookup_key")
    recurring = asked.get("recurring")
    if recurring is not None:
        recurring = {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }
    made = account.new(
        "price",
        "price",
        active=asked.get("active", True),
        billing_scheme="per_unit",
        currency=asked.get("currency"),
        custom_unit_amount=None,
        lookup_key=key,
        metadata=merged({}, asked.get("metadata", {})),
        nickname=asked.get("nickname"),
        product=product["id"],
        recurring=recurring,
        tax_behavior="unspecified",
        tiers_mode=None,
        transform_quantity=None,
        type="one_time" if recurring is None else "recurring",
        unit_amount=asked.get("unit_amount"),
        unit_amount_decimal=str(Decimal(asked.get("unit_amount"))),
    )
    return account.add(made, event="price.created")


def _update_price(account: Account, asked: Call) -> Thing:
    """Never the amount: who wants another makes another price."""
    price = account.get("price", asked.ids["id"])
    with account.changing(price, "price.updated"):
        for name in ("active", "nickname", "lookup_key"):
            if name in asked.params:
                price[name] = asked.params[name]
        price["metadata"] = merged(price["metadata"], asked.get("metadata", {}))
    return price


def _list_prices(account: Account, asked: Call) -> list[Thing]:
    found = _fitting(account.every("price"), asked, "active", "currency", "product", "type")
    keys = asked.get("lookup_keys")
    return found if keys is None else [each for each in found if each["lookup_key"] in keys]


def _fitting(found: list[Thing], asked: Call, *names: str) -> list[Thing]:
    wanted = {name: asked.params[name] for name in names if name in asked.params}
    return [each for each in found if all(each[name] == value for name, value in wanted.items())]


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/products",
        call(
            "name",
            id=Text(255),
            name=Text(),
            active=Truth(),
            description=Text(clears=True),
            metadata=Metadata(),
            url=Address(),
        ),
        _create_product,
    ),
    Endpoint("GET", "/v1/products", listing(active=Truth()), _list_products),
    Endpoint("GET", "/v1/products/{id}", call(), lambda at, asked: at.get("product", asked.ids["id"])),
    Endpoint(
        "POST",
        "/v1/products/{id}",
        call(
            name=Text(),
            active=Truth(),
            description=Text(clears=True),
            metadata=Metadata(),
            url=Address(),
            default_price=Text(),
        ),
        _update_product,
    ),
    Endpoint(
        "POST",
        "/v1/prices",
        call(
            "currency",
            "product",
            "unit_amount",
            currency=one_of("eur", "usd", "gbp", "chf"),
            product=Text(),
            unit_amount=Whole(),
            recurring=fields("interval", interval=one_of(*INTERVALS), interval_count=Whole(1, 365)),
            lookup_key=Text(200),
            nickname=Text(),
            active=Truth(),
            metadata=Metadata(),
        ),
        _create_price,
    ),
    Endpoint(
        "GET",
        "/v1/prices",
        listing(
            active=Truth(),
            currency=Text(3),
            product=Text(),
            type=one_of("one_time", "recurring"),
            lookup_keys=Many(Text(), 10),
        ),
        _list_prices,
    ),
    Endpoint("GET", "/v1/prices/{id}", call(), lambda at, asked: at.get("price", asked.ids["id"])),
    Endpoint(
        "POST",
        "/v1/prices/{id}",
        call(active=Truth(), nickname=Text(clears=True), lookup_key=Text(200), metadata=Metadata()),
        _update_price,
    ),
]
