"""What a machine is, read without privileges: processors, memory, cards, limits; and profiles that state the same."""
