"""An edit of one's own, as a newcomer writes it: one file, or one cell."""

from dataclasses import dataclass

from torch import Tensor

from nbviz.edits import PictureEdit, edit
from nbviz.model.edit import Editable


@edit("Columns")
@dataclass(frozen=True)
class Columns(PictureEdit):
    """Puts the columns of the picture so many places further to the right, round and round."""

    by: int = 1

    @property
    def words(self) -> str:
        return f"columns moved by {self.by}"

    def apply(self, x: Tensor, model: Editable) -> Tensor:
        return x.roll(self.by, -1)
