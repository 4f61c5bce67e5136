"""Goes and gets bytes, saves them before anybody interprets them, and reads them back."""
