"""The trust study as a page of the reference: what the tables say, in words, with their figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import torch

from nbviz.evaluation import converged
from nbviz.evaluation.measures.hiding import SURE, _bootstrap, compared
from nbviz.evaluation.measures.this_class import SIMILAR
from tests.bench.trust_tables import Kept, alike_rows, controls, false_alarms, hiding_rates, judged, pictures, reach

_PAGE = """# How far a map can be trusted: the study behind the dots

Written by `python -m tests.bench.trust_study FOLDER --page notebooks/reference/trust.md`, never by hand.

{count} photographs: those of `nbviz.zoo`, one more of scikit-image's, scikit-learn's two, and the ImageNet samples that
foolbox ships (`pip install --no-deps foolbox==3.3.4`, its `data` folder). Network: EfficientNet-Lite0 with its ImageNet
weights; the predicted class. The four verdicts are those under every map in the Explorer. With so few photographs a
rate is known to ± 10 to 20 points.

## Which methods pass which verdict

{verdicts}

- **Converged**: what is stated by the method of itself, at most 10 % error or a reliability of .9. The study asks for
  less than the defaults do, to save hours: integrated gradients to 20 %, SmoothGrad with 25 copies, RISE with 300
  masks. That is why these three don't pass here.
- **This class** fails where the map of an unrelated class is the same map. Guided backprop and LayerCAM fail it
  everywhere: they show what is in the picture, not what speaks for the class.
- **These weights** fails where redrawing the last three stages changes nothing: guided backprop everywhere.
- **Hiding** passes where the map foretells what hiding parts does to the score, better than its own shifted and flipped
  copies, an edge map and a centre blob. A miss is common and proves nothing.

## Hiding: true maps and those of a wrong class

{hiding}

A wrong class's map is the method's own for a class far down the ranking, judged by the scores of the predicted one.
Signed class maps (Grad-CAM, HiResCAM, integrated gradients) hardly ever pass there. **Maps without a sign, or of
another class's evidence in the same object, do**: LayerCAM, SmoothGrad, guided backprop, sometimes occlusion. They
are right about *where* something matters and silent about *for whom*; that is what the dot *this class* is for, and
why the four dots are read together. {rival}

## Controls

{controls}

Neither is drawn from the network, and neither passes the full rule, for it asks to be ahead of both.

## Maps that know nothing

{random}

By the full rule at most **{worst:.1%}** of random maps pass, at every smoothness (asked for: at most 8 %); by p alone
up to {worst_p:.1%}.

## Other classes, other weights

{alike}

Spearman correlation of the maps' strength; passed below .8. Occlusion and RISE are not asked again with other weights:
minutes a photograph.

## What one picture can't tell

- **Whether a map is right.** Hiding can show that a map says something true; a map that doesn't pass is not shown to be
  wrong. Even the best sum over cells foretells scores only to some degree: {reach}
- **Which of two methods is better here.** On one picture deletion and insertion areas hardly tell true maps from edges
  or a centre blob, and disagree with each other; they are drawn beside such controls, and give no dot. Over many
  pictures `nbviz.compare` can tell.
- **How large an effect is.** A correlation is no grade: r depends on the picture, on how much of the score any sum over
  parts can explain, and on how coarse the cells are.
- **What lies between the cells.** Hiding is judged on 7 × 7 cells: detail finer than that passes or fails unseen.
- **That the class is meant.** Two classes that share an object share its evidence; the test asks an unrelated class,
  far down the ranking, and says nothing of the runner-up.
"""


def page(kept: Kept) -> str:
    """The whole file."""
    rates = list(false_alarms(kept))
    figures = [[float(cell) for cell in row.split("|")[4:6]] for row in rates[1:]]
    return _PAGE.format(
        count=len(pictures(kept, "hidings")),
        verdicts="\n".join(_verdicts(kept)),
        hiding="\n".join(hiding_rates(kept)),
        rival=_rival(kept),
        controls="\n".join(controls(kept)),
        random="\n".join(rates),
        worst=max(full for _, full in figures),
        worst_p=max(p for p, _ in figures),
        alike="\n".join(alike_rows(kept)),
        reach="".join(reach(kept))[:1].lower() + "".join(reach(kept))[1:],
    )


def _methods(kept: Kept) -> list[str]:
    return list(dict.fromkeys(key[1] for key in kept if key[-1] == "cells"))


def _verdicts(kept: Kept) -> Iterator[str]:
    yield "| method | converged | this class | these weights | hiding |\n|---|---:|---:|---:|---:|"
    for method in _methods(kept):
        names = pictures(kept, method, "cells")
        sure = [converged(_stated(kept[name, method, "cells"]["facts"])).state for name in names]
        classes = [kept[name, method, "class"]["alike"] for name in pictures(kept, method, "class")]
        weights = [kept[name, method, "weights"].state for name in pictures(kept, method, "weights")]
        shown = [verdict.state for verdict in judged(kept, "cells", method)]
        cells = [_share(sure), _share(["passed" if (a is not None and a < SIMILAR) else "" for a in classes])]
        yield f"| {method} | {' | '.join([*cells, _share(weights), _share(shown)])} |"


def _stated(facts: dict[str, object]) -> SimpleNamespace:
    return SimpleNamespace(values=torch.ones(1), facts=facts)


def _share(states: list[str]) -> str:
    return f"{states.count('passed')} of {len(states)}" if states else "–"


def _rival(kept: Kept) -> str:
    """How often a map that passes is ahead of the same method's map of the unrelated class, too."""
    passed = ahead = 0
    for method in _methods(kept):
        for name in pictures(kept, method, "class"):
            hidden, own = kept[name, "hidings"], kept[name, method, "cells"]["cells"]
            if compared(hidden, own).state == "passed":
                passed += 1
                against = replace(hidden, controls={"other": kept[name, method, "class"]["cells"]})
                ahead += _bootstrap(against, own)[0]["other"] >= SURE
    return f"Of {passed} true maps that pass, {ahead} are also ahead of the same method's map of that unrelated class."
