"""Values of a report: plain numbers, texts and lists, as its JSON file has them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

FORMAT = 1
"""Of a report's values; reports of another are refused, and written anew."""
Values = dict[str, Any]


def plain(value: object) -> Any:  # noqa: ANN401 - JSON's, in the shape of what is given
    """Convert to JSON's own kinds; NaN and infinity become None."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    # Python writes NaN, which is no JSON: other readers stop there
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_text(values: Values) -> str:
    """Return a report's values as its file has them, in their own order, which the summary follows when read again."""
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
