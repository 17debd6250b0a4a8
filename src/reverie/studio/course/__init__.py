"""The course as data: units, questions, exercises and cards, and the schema that holds them together."""
