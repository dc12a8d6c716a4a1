"""Sums for the demo brain: + - * / and brackets, exactly, and nothing that could run or run away."""

import ast
import re
from fractions import Fraction

MAX_LENGTH = 80
_AS_TYPED = {ord("\N{MULTIPLICATION SIGN}"): "*", ord("\N{DIVISION SIGN}"): "/", ord("\N{MINUS SIGN}"): "-"}
_SUM = re.compile(r"[0-9.\s()*/+-]+")


def calculate(text: str) -> str | None:
    """What follows the sum: "= 391", or why there is no result; None when it is not a sum."""
    sum_text = text.translate(_AS_TYPED).replace(",", "").strip(" =?\t\n")
    sum_text = re.sub(r"(?<=[0-9)\s])[xX](?=[0-9(\s])", "*", sum_text)
    if (
        len(sum_text) > MAX_LENGTH
        or not _SUM.fullmatch(sum_text)
        or not re.search(r"[0-9)]\s*[*/+-]", sum_text)
    ):
        return None
    try:
        return "= " + _written(_value(ast.parse(sum_text.strip(), mode="eval").body))
    except ZeroDivisionError:
        return "has no result: nothing can be divided by zero"
    except (SyntaxError, ValueError):
        return None


def looks_like_a_sum(text: str) -> bool:
    """A bare "17*23" is one; a date or a telephone number is not."""
    return re.search(r"[0-9)]\s*[*/+]", text.translate(_AS_TYPED)) is not None or text.rstrip().endswith("=")


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left) - _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _value(left) / _value(right)
        case _:
            raise ValueError("not a sum")


def _written(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.10g}"
