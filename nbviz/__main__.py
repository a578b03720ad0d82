"""``python -m nbviz`` is the command ``nbviz``."""

from __future__ import annotations

import sys

from nbviz.cli import main

sys.exit(main())
