"""How the analytics store is asked: pages by named statements, programs for whole files, people in SQL of their own.

Everything here is lent a cursor for as long as it runs, and can be stopped at any moment. Nothing here writes to the
store, opens it or closes it.
"""
