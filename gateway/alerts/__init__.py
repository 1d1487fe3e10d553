"""Alerts: what is judged to be wrong, what becomes of it, and telling it to whoever is to know.

`figures` come in, `rules` judges them, `course` says what that means for what is open already, `kept` has it in the
state, and `deliveries` what of it is to be told next; `wording` puts it into words, `courier` carries it. `watch` does
all of it again and again.
"""
