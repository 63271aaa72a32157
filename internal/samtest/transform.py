"""Prints a SAM template as CloudFormation would deploy it.

In: the path of the template as the argument, and on each line of standard input
parameters as JSON. Out: a line of JSON for each: its resources and outputs, after
the SAM transform, with parameters and conditions put in and what a condition leaves
out left out. What only a deployment knows (Ref and GetAtt of resources, pseudo
parameters) stays as it is. {"Error": "..."} says what is wrong with the parameters.
"""
import json
import os
import sys

import yaml
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform


def construct(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix: value}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    pass


Loader.add_multi_constructor("!", construct)
# Dates stay text, as CloudFormation has it.
Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml.load(file, Loader)  # noqa: S506, a safe loader with tags
for resource in template["Resources"].values():
    for key in ("CodeUri", "ContentUri"):
        if key in resource.get("Properties", {}):
            resource["Properties"][key] = "s3://bucket/" + key


os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
loader = ManagedPolicyLoader(None)
loader.load = dict  # the template uses no managed policies by name
conditions = template.get("Conditions", {})
declared = template.get("Parameters", {})
template = transform(template, {}, loader)

values = {}
held = {}


def choose(parameters):
    unknown = set(parameters) - set(declared)
    if unknown:
        return "there is no parameter " + ", ".join(sorted(unknown))
    held.clear()
    for name, declaration in declared.items():
        value = str(parameters.get(name, declaration.get("Default", "")))
        if declaration["Type"] == "CommaDelimitedList":
            values[name] = value.split(",") if value else []
        else:
            values[name] = value
    return ""


NO_VALUE = object()


def holds(name):
    if name not in held:
        held[name] = resolve(template["Conditions"][name])
    return held[name]


def resolve(node):
    if isinstance(node, list):
        return [value for value in map(resolve, node) if value is not NO_VALUE]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (key, value), = node.items()
        if key == "Ref" and value in values:
            return values[value]
        if key == "Ref" and value == "AWS::NoValue":
            return NO_VALUE
        if key == "Condition" and isinstance(value, str) and value in template["Conditions"]:
            return holds(value)
        if key == "Fn::If":
            return resolve(value[1] if holds(value[0]) else value[2])
        if key == "Fn::Equals":
            a, b = resolve(value)
            return str(a) == str(b)  # CloudFormation compares texts
        if key == "Fn::Not":
            return not resolve(value)[0]
        if key == "Fn::And":
            return all(resolve(value))
        if key == "Fn::Or":
            return any(resolve(value))
        if key == "Fn::Join":
            separator, parts = resolve(value)
            if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
                return separator.join(parts)
            return {key: [separator, parts]}
    resolved = {key: resolve(value) for key, value in node.items()}
    return {key: value for key, value in resolved.items() if value is not NO_VALUE}


def kept(section):
    return {
        name: resolve({key: value for key, value in item.items() if key != "Condition"})
        for name, item in template.get(section, {}).items()
        if "Condition" not in item or holds(item["Condition"])
    }


for line in sys.stdin:
    error = choose(json.loads(line))
    answer = {"Error": error} if error else {
        "Resources": kept("Resources"), "Outputs": kept("Outputs"),
        "Parameters": {name: ",".join(v) if isinstance(v, list) else v for name, v in values.items()},
        "Conditions": {name: holds(name) for name in template["Conditions"]},
    }
    print(json.dumps(answer), flush=True)
