"""What a configuration script leaves in one variable: the script is parsed, and its plain assignments are followed.

Nothing is run. Whatever only running could tell stays an Expression, and every statement that could change the
variable in a way that is not followed is named, so that nobody takes silence for knowledge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tree_sitter import Node

from flexres.sso.script_syntax import (
    NOT_RUN,
    Expression,
    NotFollowed,
    Script,
    Value,
    body_run_at_once,
    has_effects,
    is_plain,
    key_of,
    number_of,
    parse,
    refused,
    source_of,
    takes_right,
    text_of,
    truthy,
)

_DEEPEST: Final = 60
_LONGEST: Final = 1_000_000
"""Characters of a text, items of a list: one that doubles itself line by line would fill the memory."""
_GLOBALS: Final = frozenset({"window", "self", "globalThis", "frames"})
_NO_EFFECT: Final = frozenset(
    {"comment", "html_comment", "hash_bang_line", "empty_statement", "function_declaration"}
    | {"generator_function_declaration"}
)
_LOGICAL: Final = ("||", "&&", "??")
_MODULE: Final = frozenset({"import_statement", "export_statement"})


def read_script(source: str, name: str) -> Script:
    """What a classic script leaves in the variable `name`, or in the window's property of that name.

    Raises:
        UnreadableScript: it is no JavaScript.
    """
    root = parse(source)
    reader = _Reader()
    reader.statements(root, 0)
    return Script(reader.variables.get(name), tuple(dict.fromkeys(reader.not_followed)))


class _TooDeep(Exception):  # noqa: N818 - it never leaves this module
    pass


class _Scope:
    """The names that one function or block declares; of the outermost one they are the window's properties, too."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.declared: dict[str, str] = {}


class _Reader:
    """Follows statements in their order. Objects are shared as JavaScript shares them: by reference."""

    def __init__(self) -> None:
        self.scopes = [_Scope()]
        self.strict = False
        self.not_followed: list[NotFollowed] = []

    @property
    def variables(self) -> dict[str, Value]:
        """What the script leaves in the window."""
        return self.scopes[0].values

    def statements(self, block: Node, depth: int) -> None:
        """Follows the statements of a block or of the whole script."""
        for statement in block.named_children:
            if statement.type in ("variable_declaration", "lexical_declaration"):
                self._announce(statement)
        for statement in block.named_children:
            try:
                self._statement(statement, depth + 1)
            except _TooDeep:
                self._skip(statement)

    def _announce(self, declaration: Node) -> None:
        """Declares the names of a scope before its first statement runs, as JavaScript does."""
        scope, kind = self.scopes[-1], source_of(declaration.children[0])
        for each in declaration.named_children:
            name = each.child_by_field_name("name")
            if name is None or name.type != "identifier":
                continue
            before = scope.declared.get(source_of(name))
            if before is not None and (before, kind) != ("var", "var"):
                raise refused(name, f"{source_of(name)} is declared twice")
            scope.declared[source_of(name)] = kind
            if scope is not self.scopes[0] or kind != "var":
                scope.values.setdefault(source_of(name), None)

    def _statement(self, node: Node, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooDeep
        if node.type in _MODULE:
            raise refused(node, "import and export stand only in modules")
        if node.type in ("variable_declaration", "lexical_declaration"):
            for declarator in node.named_children:
                self._declare(declarator, depth)
        elif node.type == "expression_statement":
            said = next(each for each in node.named_children if each.type != "comment")
            self.strict |= said.type == "string" and source_of(said)[1:-1] == "use strict"
            self.value(said, depth)
        elif node.type == "statement_block" and not any(each.type == "variable_declaration" for each in node.children):
            self._within(node, depth)
        elif node.type not in _NO_EFFECT:
            self._skip(node)

    def _within(self, block: Node, depth: int) -> None:
        self.scopes.append(_Scope())
        try:
            self.statements(block, depth)
        finally:
            self.scopes.pop()

    def _declare(self, node: Node, depth: int) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if node.type != "variable_declarator" or name is None or name.type != "identifier":
            if node.type not in _NO_EFFECT:
                self._skip(node)
        elif value is not None:
            self.scopes[-1].values[source_of(name)] = self.value(value, depth)

    def _skip(self, node: Node) -> Expression:
        """Names what is not followed."""
        self.not_followed.append(NotFollowed(node.start_point.row + 1, " ".join(source_of(node).split())[:80]))
        return Expression(source_of(node))

    def value(self, node: Node | None, depth: int) -> Value:
        """What an expression is, after its assignments were followed."""
        if depth > _DEEPEST or node is None:
            raise _TooDeep
        depth += 1
        if node.type in ("string", "template_string"):
            parts = [self._part(each, depth) for each in node.named_children]
            texts = [each for each in parts if isinstance(each, str)]
            known = len(texts) == len(parts) and sum(len(each) for each in texts) <= _LONGEST
            return text_of(node, parts) if known else Expression(source_of(node))
        if node.type == "number":
            number = number_of(source_of(node))
            return Expression(source_of(node)) if number is None else number
        if node.type in NOT_RUN:
            return Expression(source_of(node))
        follow = _EXPRESSIONS.get(node.type)
        return follow(self, node, depth) if follow is not None else self._skip(node)

    def _part(self, node: Node, depth: int) -> Value:
        """One part of a text: what `${…}` stands for, or nothing for the parts that the text itself spells."""
        if node.type != "template_substitution":
            return ""
        value = self.value(node.named_children[0] if node.named_children else None, depth)
        return value if isinstance(value, str) else Expression(source_of(node))

    def _object(self, node: Node, depth: int) -> Value:
        result: dict[str, Value] = {}
        for member in node.named_children:
            if member.type == "pair":
                key = self._key(member.child_by_field_name("key"), depth)
                value = self.value(member.child_by_field_name("value"), depth)
                if key is None or key == "__proto__":
                    self._skip(member)
                else:
                    result[key] = value
            elif member.type == "shorthand_property_identifier":
                result[source_of(member)] = self._identifier(member, depth)
            elif member.type == "spread_element":
                self._copy(result, self.value(member.named_children[0], depth), member)
            elif member.type == "method_definition":
                key = self._key(member.child_by_field_name("name"), depth)
                result[key or source_of(member)] = Expression(source_of(member))
            elif member.type != "comment":
                self._skip(member)
        return result

    def _array(self, node: Node, depth: int) -> Value:
        items: list[Value] = []
        for member in node.named_children:
            if member.type == "spread_element":
                spread = self.value(member.named_children[0], depth)
                followed = isinstance(spread, list) and len(items) + len(spread) <= _LONGEST
                items += spread if isinstance(spread, list) and followed else [Expression(source_of(member))]
            elif member.type != "comment":
                items.append(self.value(member, depth))
        return items

    def _copy(self, target: dict[str, Value], found: Value, said: Node) -> None:
        """Adds the keys of an object, as spread and Object.assign do; nothing adds none."""
        if isinstance(found, dict):
            target.update(found)
        elif found is not None:
            self._skip(said)

    def _key(self, node: Node | None, depth: int) -> str | None:
        """The name of a property, None where it is computed and not known."""
        if node is None:
            return None
        if node.type == "property_identifier":
            return source_of(node)
        return key_of(self.value(node.named_children[0] if node.type == "computed_property_name" else node, depth))

    def _identifier(self, node: Node, _depth: int) -> Value:
        name = source_of(node)
        scope = self._scope_of(name)
        return Expression(name) if scope is None else scope.values[name]

    def _scope_of(self, name: str) -> _Scope | None:
        return next((scope for scope in reversed(self.scopes) if name in scope.values), None)

    def _place(self, node: Node | None, depth: int) -> tuple[dict[str, Value] | None, str | None]:
        """Where an assignment goes: the object, and its key; None for what is not known."""
        while node is not None and node.type == "parenthesized_expression":
            node = node.named_children[0]
        if node is not None and node.type == "identifier":
            return self._variable(source_of(node)), source_of(node)
        if node is None or node.type not in ("member_expression", "subscript_expression"):
            return None, None
        if node.type == "member_expression":
            member = node.child_by_field_name("property")
            key = source_of(member) if member is not None and member.type == "property_identifier" else None
        else:
            key = key_of(self.value(node.child_by_field_name("index"), depth))
        if key == "__proto__":
            return None, None
        owner = node.child_by_field_name("object")
        if owner is not None and self._is_window(owner):
            return (None if self.scopes[0].declared.get(key or "", "var") != "var" else self.variables), key
        known = self.value(owner, depth)
        return (known if isinstance(known, dict) else None), key

    def _is_window(self, node: Node) -> bool:
        if node.type == "this":
            return len(self.scopes) == 1
        return node.type == "identifier" and source_of(node) in _GLOBALS and self._scope_of(source_of(node)) is None

    def _variable(self, name: str) -> dict[str, Value] | None:
        """Where an assignment to a name goes; None where it fails, and with it the rest of the script."""
        scope = self._scope_of(name)
        declared = next((each for each in reversed(self.scopes) if name in each.declared), None)
        if declared is not None and (scope is None or declared is scope):
            return None if declared.declared[name] == "const" else declared.values
        if scope is None and self.strict:
            return None
        return self.variables if scope is None else scope.values

    def _member(self, node: Node, depth: int) -> Value:
        owner, key = self._place(node, depth)
        if owner is None or key is None or (owner is self.variables and key not in owner):
            return Expression(source_of(node))
        return owner.get(key)

    def _assignment(self, node: Node, depth: int) -> Value:
        owner, key = self._place(node.child_by_field_name("left"), depth)
        operator = node.child_by_field_name("operator")
        value = self.value(node.child_by_field_name("right"), depth)
        if owner is None or key is None:
            return self._skip(node)
        if operator is not None:
            value = self._combined(source_of(operator).removesuffix("="), owner.get(key), value, node)
        owner[key] = value
        return value

    def _binary(self, node: Node, depth: int) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        mark = source_of(operator) if operator is not None else ""
        before = self.value(left, depth)
        if mark in _LOGICAL:
            if isinstance(before, Expression) and has_effects(right):
                return self._skip(node)
            if not isinstance(before, Expression) and not takes_right(mark, before):
                return before
        return self._combined(mark, before, self.value(right, depth), node)

    def _combined(self, operator: str, left: Value, right: Value, node: Node) -> Value:
        """Two values and what stands between them; an Expression where that is not known here."""
        if isinstance(left, Expression):
            if operator in ("||", "??") and isinstance(right, dict):
                self._skip(node)  # another script may have put an object there, with more in it
                return right
            return Expression(source_of(node))
        if operator in _LOGICAL:
            return right if takes_right(operator, left) else left
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return left + right if len(left) + len(right) <= _LONGEST else Expression(source_of(node))
        if operator in ("===", "!==") and is_plain(left) and is_plain(right):
            return (left == right and type(left) is type(right)) == (operator == "===")
        return Expression(source_of(node))

    def _unary(self, node: Node, depth: int) -> Value:
        operator, argument = node.child_by_field_name("operator"), node.child_by_field_name("argument")
        mark = source_of(operator) if operator is not None else ""
        if mark == "delete":
            owner, key = self._place(argument, depth)
            if owner is None or key is None:
                return self._skip(node)
            owner.pop(key, None)
            return True
        value = self.value(argument, depth)
        if mark == "!" and not isinstance(value, Expression):
            return not truthy(value)
        if mark in "+-" and isinstance(value, float):
            return -value if mark == "-" else value
        return None if mark == "void" else Expression(source_of(node))

    def _ternary(self, node: Node, depth: int) -> Value:
        condition = self.value(node.child_by_field_name("condition"), depth)
        if isinstance(condition, Expression):
            return self._skip(node) if has_effects(node) else Expression(source_of(node))
        return self.value(node.child_by_field_name("consequence" if truthy(condition) else "alternative"), depth)

    def _last(self, node: Node, depth: int) -> Value:
        """Parentheses, and expressions with commas between them."""
        values = [self.value(each, depth) for each in node.named_children if each.type != "comment"]
        return values[-1]

    def _call(self, node: Node, depth: int) -> Value:
        called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if called is None or given is None or given.type != "arguments":
            return self._skip(node)
        arguments = [each for each in given.named_children if each.type != "comment"]
        if source_of(called) == "Object.assign" and self._scope_of("Object") is None:
            return self._assign(arguments, node, depth)
        body = body_run_at_once(called) if not arguments else None
        if body is None:
            return self._skip(node)
        strict = self.strict
        self._within(body, depth)
        self.strict = strict
        return None

    def _assign(self, arguments: list[Node], node: Node, depth: int) -> Value:
        """Object.assign."""
        if not arguments or any(each.type == "spread_element" for each in arguments):
            return self._skip(node)
        target, *sources = [self.value(each, depth) for each in arguments]
        if not isinstance(target, dict):
            return self._skip(node)
        for found, said in zip(sources, arguments[1:], strict=True):
            self._copy(target, found, said)
        return target

    def _constant(self, node: Node, _depth: int) -> Value:
        return {"true": True, "false": False}.get(node.type)

    def _unknown(self, node: Node, _depth: int) -> Value:
        return Expression(source_of(node))


_EXPRESSIONS: Final[Mapping[str, Callable[[_Reader, Node, int], Value]]] = {
    "object": _Reader._object,
    "array": _Reader._array,
    "identifier": _Reader._identifier,
    "member_expression": _Reader._member,
    "subscript_expression": _Reader._member,
    "assignment_expression": _Reader._assignment,
    "augmented_assignment_expression": _Reader._assignment,
    "binary_expression": _Reader._binary,
    "unary_expression": _Reader._unary,
    "ternary_expression": _Reader._ternary,
    "parenthesized_expression": _Reader._last,
    "sequence_expression": _Reader._last,
    "call_expression": _Reader._call,
    "true": _Reader._constant,
    "false": _Reader._constant,
    "null": _Reader._constant,
    "undefined": _Reader._constant,
    "this": _Reader._unknown,
}
