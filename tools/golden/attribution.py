# Makes tests/golden/attribution.json: how PyPI marketing-attribution-models 2.1.1 (Apache-2.0)
# shares credit in generated journeys. We compare with its numbers; its code is no part of this
# project. With a Python environment outside the project:
#   python3 -m venv /tmp/mam && /tmp/mam/bin/pip install marketing-attribution-models==2.1.1
#   /tmp/mam/bin/python tools/golden/attribution.py > tests/golden/attribution.json
#
# How its models correspond to ours:
# - first_click, last_click, linear and position_based (40/20/40) are ours by definition.
# - time_decay weighs a touch 0.5 ** (hours / half_life_hours), so half_life_hours = 24 * days is
#   our half-life. It decays continuously; version 1 (`decay_over_time`, `frequency`) went down in
#   steps, by floor(hours / frequency), which is another model.
# - Where it counts from the last touch instead of the conversion (format "session"), that moves
#   every age alike and cancels out. We use format "journey", which is told the ages.
#
# What it does that one would not expect, and what we do about it:
# - It reports credit per channel, summed over all journeys and over repeats within one. So here
#   each touch of each journey is a channel of its own.
# - It knows nothing of the order in "journey": the ages must come oldest first.
# - A journey without conversion has the value 0; all of ours convert.
# - The result of one run_time_decay has one half-life, so it runs once per half-life.
import json
import random
from importlib.metadata import version

import polars as pl
from mam.core import MAM

PACKAGE = "marketing_attribution_models"
PINNED = "2.1.1"
HALF_LIVES = [1, 3, 7, 14, 30, 90]
JOURNEYS = 1200
MOST_TOUCHES = 12
MINUTES_OF_90_DAYS = 90 * 24 * 60

if version(PACKAGE) != PINNED:
    raise SystemExit(f"needs {PACKAGE}=={PINNED}, found {version(PACKAGE)}")


def minutes(rng, touches):
    """Ages oldest first: spread over 90 days, close together, or doubling back to one instant."""
    longest = rng.choice([60, 24 * 60, 7 * 24 * 60, MINUTES_OF_90_DAYS, MINUTES_OF_90_DAYS])
    newest = rng.choice([0, rng.randrange(MINUTES_OF_90_DAYS - longest + 1)])
    ages = [newest + rng.randrange(longest + 1) for _ in range(touches)]
    if rng.random() < 0.1:
        ages[0] = ages[-1]
    return sorted(ages, reverse=True)


def touch(journey, place):
    return f"{journey}/{place}"


def credits(result):
    """What each touch got; a touch that is not in the answer got nothing."""
    rows = result.to_polars().select(pl.col("channels").cast(pl.String), "attribution")
    return dict(rows.iter_rows())


def main():
    rng = random.Random(20260101)
    journeys = [minutes(rng, 1 + n % MOST_TOUCHES) for n in range(JOURNEYS)]
    rows = pl.DataFrame({
        "journey_id": [str(n) for n in range(JOURNEYS)],
        "journey": [" > ".join(touch(n, i) for i in range(len(ages)))
                    for n, ages in enumerate(journeys)],
        "time_till_end": [" > ".join(repr(age / 60) for age in ages) for ages in journeys],
        "conversion": [True] * JOURNEYS,
    })
    mam = MAM(df=rows, format_type="journey", channels_colname="journey",
              journey_with_conv_colname="conversion", time_till_conv_colname="time_till_end")
    models = {
        "first": credits(mam.run_first_click()),
        "last": credits(mam.run_last_click()),
        "linear": credits(mam.run_linear()),
        "position": credits(mam.run_position_based()),
    }
    decays = {days: credits(mam.run_time_decay(half_life_hours=24 * days)) for days in HALF_LIVES}
    lines = []
    for n, ages in enumerate(journeys):
        half_life = HALF_LIVES[n // MOST_TOUCHES % len(HALF_LIVES)]
        case = {"minutes": ages, "half_life_days": half_life}
        for name, credit in {**models, "time_decay": decays[half_life]}.items():
            shares = [round(credit.get(touch(n, i), 0), 6) for i in range(len(ages))]
            case[name] = [int(share) if share in (0, 1) else share for share in shares]
        lines.append("    " + json.dumps(case, separators=(",", ":")))
    print("{")
    print(f'  "source": "PyPI marketing-attribution-models {PINNED}",')
    print('  "made_by": "tools/golden/attribution.py",')
    print('  "journeys": [\n' + ",\n".join(lines) + "\n  ]\n}")


main()
