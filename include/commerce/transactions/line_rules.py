"""The rules of a transaction's lines (domain B3, line rules), each once: name, what it says, its SQL."""

from commerce.scope import amount_text_sql
from commerce.transactions.rule import (
    ALL,
    Master,
    Rule,
    exemption_broken,
    exemption_message,
    first_odd,
    joined,
    multiple,
)

_AMOUNTS = (
    Rule(
        "line",
        "CustomerAccount",
        ALL,
        "the customer of the line exists; an asynchronous customer has its account",
        "(r.custaccount <> '' AND NOT r.account_exists) OR (r.custaccountasync <> '' AND r.custaccount = '')",
        "CASE WHEN r.custaccount <> '' THEN "
        + joined("Customer account ", "r.custaccount", " does not exist")
        + " ELSE "
        + joined("Customer ", "r.custaccountasync", " has no account yet")
        + " END",
        fixed="a foreign key holds what is posted to a customer that exists",
    ),
    Rule(
        "line",
        "SignContradiction",
        ALL,
        "quantity and net amount have the same sign",
        "r.netamount <> 0 AND sign(r.qty) <> sign(r.netamount)",
        joined(
            "Quantity ",
            amount_text_sql("r.qty"),
            " and net amount ",
            amount_text_sql("r.netamount"),
            " contradict each other",
        ),
    ),
    Rule(
        "line",
        "NegativePrice",
        ALL,
        "no price is negative",
        "r.price < 0",
        joined("Price ", amount_text_sql("r.price"), " is negative"),
    ),
    Rule(
        "line",
        "GiftCardReturns",
        ALL,
        "no gift card is returned",
        "r.giftcard <> 0 AND r.qty < 0",
        joined("A gift card is returned (quantity ", amount_text_sql("r.qty"), ")"),
        fixed="what is left on the card is not known here",
    ),
    Rule(
        "line",
        "LineTax",
        ALL,
        "tax amount = the sum of the line's tax rows",
        "r.taxamount <> r.tax_rows",
        joined(
            "Tax amount ",
            amount_text_sql("r.taxamount"),
            " is not the sum of the tax rows, ",
            amount_text_sql("r.tax_rows"),
        ),
        fixed="taxes are posted by code",
        of_sums=True,
    ),
    Rule(
        "line",
        "LineDiscount",
        ALL,
        "discount amount = the sum of the line's discount rows",
        "r.discamount <> r.discount_rows",
        joined(
            "Discount amount ",
            amount_text_sql("r.discamount"),
            " is not the sum of the discount rows, ",
            amount_text_sql("r.discount_rows"),
        ),
        fixed="discounts are posted by their rows",
        of_sums=True,
    ),
    Rule(
        "line",
        "NetPlusTax",
        ALL,
        "amount with tax = net amount + tax amount",
        "r.netamountincltax <> r.netamount + r.taxamount",
        joined(
            "Amount with tax ",
            amount_text_sql("r.netamountincltax"),
            " is not net amount plus tax, ",
            amount_text_sql("r.netamount + r.taxamount"),
        ),
        fixed="documents and vouchers are made of it",
    ),
    Rule(
        "line",
        "CurrencyRounding",
        ALL,
        "net, tax, discount and amount with tax are multiples of the store's rounding unit",
        multiple(("r.netamount", "r.taxamount", "r.netamountincltax", "r.discamount"), "r.roundingunit"),
        joined(
            "Amount ",
            first_odd(("r.netamount", "r.taxamount", "r.netamountincltax"), "r.roundingunit", "r.discamount"),
            " is not a multiple of ",
            amount_text_sql("r.roundingunit"),
        ),
    ),
    Rule(
        "line",
        "TaxExempt",
        ALL,
        "price + exempt tax = original price, where tax is exempt from a price that includes it",
        exemption_broken("r.price", "r"),
        exemption_message("Price", "r.price", "r"),
    ),
    Rule(
        "line",
        "ChargeLines",
        ALL,
        "of each charge of the line: amount + exempt tax = original amount",
        exemption_broken("x.calculatedamount", "x"),
        exemption_message("Charge", "x.calculatedamount", "x"),
        of_charge=True,
    ),
)

_MASTERS = (
    Rule(
        "line",
        "ItemVariant",
        ALL,
        "the item and, if there is one, its variant exist",
        "NOT r.item_exists OR (r.variantid <> '' AND NOT r.variant_exists)",
        "CASE WHEN NOT r.item_exists THEN "
        + joined("Item ", "r.itemid", " does not exist in company ", "r.company")
        + " ELSE "
        + joined("Variant ", "r.variantid", " of item ", "r.itemid", " does not exist in company ", "r.company")
        + " END",
        master=Master.ITEMS,
    ),
    Rule(
        "line",
        "Barcode",
        ALL,
        "the barcode that was scanned exists",
        "r.barcode <> '' AND NOT r.barcode_exists",
        joined("Barcode ", "r.barcode", " does not exist in company ", "r.company"),
        master=Master.BARCODES,
    ),
    Rule(
        "line",
        "SerialNumberControlled",
        ALL,
        "an item that is serial number controlled has a serial number",
        "r.serial_controlled AND r.inventserialid = ''",
        joined("Item ", "r.itemid", " is serial number controlled, but the line has no serial number"),
        master=Master.TRACKING,
    ),
    Rule(
        "line",
        "SerialNumberDimension",
        ALL,
        "an item whose serial number dimension is not active has no serial number",
        "r.item_exists AND NOT r.serial_active AND r.inventserialid <> ''",
        joined(
            "The line has serial number ",
            "r.inventserialid",
            ", but the serial number dimension of item ",
            "r.itemid",
            " is not active",
        ),
        master=Master.TRACKING,
    ),
    Rule(
        "line",
        "UnitOfMeasureConversions",
        ALL,
        "the unit of measure can be converted to the item's inventory unit",
        "r.item_exists AND NOT r.unit_converts",
        joined(
            "There is no conversion from unit ",
            "r.unit",
            " to ",
            "r.inventory_unit",
            ", the inventory unit of item ",
            "r.itemid",
        ),
        master=Master.UNITS,
    ),
    Rule(
        "line",
        "TaxGroupAssignment",
        ALL,
        "sales tax group and item sales tax group have a tax code in common, where the line has both",
        "r.taxgroup <> '' AND r.taxitemgroup <> '' AND NOT r.tax_groups_meet",
        joined(
            "Sales tax group ",
            "r.taxgroup",
            " and item sales tax group ",
            "r.taxitemgroup",
            " have no tax code in common in company ",
            "r.company",
        ),
        master=Master.TAX_GROUPS,
    ),
)

LINE_RULES = (*_AMOUNTS, *_MASTERS)
