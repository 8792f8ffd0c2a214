"""What conditions come to, by another hand: reads one expression a line, as a tree in JSON, and writes true, false or error.

Shares nothing with the evaluator that it is held against: another language, another form of the expression, other numbers.
"""
import json
import re
import sys

KNOWN = json.loads(sys.argv[1])


class Wrong(Exception):
    pass


def kind(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "text", list: "list", dict: "object"}[type(value)]


def fits(operator, left, right):
    if operator in ("==", "!="):
        if None not in (left, right) and left != right and "null" not in (left, right):
            raise Wrong
    elif operator in ("<", "<=", ">", ">="):
        for one in (left, right):
            if one not in (None, "number", "text"):
                raise Wrong
        if None not in (left, right) and left != right:
            raise Wrong
    else:
        whole, part = (left, right) if operator == "contains" else (right, left)
        if whole in ("text", "object"):
            if part not in (None, "text"):
                raise Wrong
        elif whole not in (None, "list"):
            raise Wrong


def boolean_or_open(found):
    if found not in (None, "boolean"):
        raise Wrong


def static(tree):
    """The kind that is known before there are values; raises where that is wrong already."""
    what = tree[0]
    if what == "value":
        return kind(tree[1])
    if what == "path":
        return None
    if what == "list":
        for item in tree[1]:
            static(item)
        return "list"
    if what == "not":
        boolean_or_open(static(tree[1]))
    elif what in ("and", "or"):
        for part in tree[1]:
            boolean_or_open(static(part))
    elif what == "matches":
        if static(tree[1]) not in (None, "text"):
            raise Wrong
    else:
        fits(tree[1], static(tree[2]), static(tree[3]))
    return "boolean"


def same(left, right):
    if kind(left) != kind(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return left == right


def value(tree):
    what = tree[0]
    if what == "value":
        return tree[1]
    if what == "list":
        return [value(item) for item in tree[1]]
    if what == "path":
        found = KNOWN
        for name in tree[1]:
            try:
                found = found[name]
            except (KeyError, IndexError, TypeError):
                raise Wrong from None
        return found
    if what == "not":
        return not flag(tree[1])
    if what == "and":
        return all(flag(part) for part in tree[1])
    if what == "or":
        return any(flag(part) for part in tree[1])
    if what == "matches":
        text = value(tree[1])
        if not isinstance(text, str):
            raise Wrong
        return re.search(tree[2], text) is not None
    operator, left, right = tree[1], value(tree[2]), value(tree[3])
    fits(operator, kind(left), kind(right))
    if operator == "==":
        return same(left, right)
    if operator == "!=":
        return not same(left, right)
    if operator == "<":
        return left < right
    if operator == "<=":
        return left <= right
    if operator == ">":
        return left > right
    if operator == ">=":
        return left >= right
    whole, part = (left, right) if operator == "contains" else (right, left)
    if isinstance(whole, str):
        return part in whole
    if isinstance(whole, dict):
        return part in whole
    return any(same(item, part) for item in whole)


def flag(tree):
    found = value(tree)
    if not isinstance(found, bool):
        raise Wrong
    return found


for line in sys.stdin:
    try:
        tree = json.loads(line)
        boolean_or_open(static(tree))
        print("true" if flag(tree) else "false")
    except Wrong:
        print("error")
