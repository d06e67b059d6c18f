"""The layers of `api/` for import-linter, with every subject in its layer: a new folder needs no line there."""

from importlinter.contracts.layers import Layer, LayerField, LayersContract
from importlinter.domain import fields

from tests.architecture.source import subjects

EVERY_SUBJECT = "<subjects>"


class _SubjectsField(LayerField):
    """A layer, or in one word all subjects, none of which imports another."""

    def parse(self, raw_data: str | list[str]) -> Layer:
        return super().parse(" | ".join(subjects()) if raw_data == EVERY_SUBJECT else raw_data)


class HouseContract(LayersContract):
    """Layers in which `<subjects>` stands for every folder of `api/` that is no room."""

    layers = fields.ListField(subfield=_SubjectsField())
