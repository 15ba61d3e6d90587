"""The searches of Optuna on the functions of bench_tuning, and bench_tuning's own beside them in one table.

    tuning_optuna.py [--ours CSV]... [--function NAME]... [--method tpe|gp|random]... [--seeds N] [--gp-seeds N]

Runs with whatever Optuna the interpreter has: the multivariate TPE sampler, its random one, and its Gaussian
process (4.0 and newer, with torch and SciPy). CSV holds rows of `bench_tuning --csv`: function,method,seed,
evaluation,regret, and may end in `seconds`, what the proposal took. Every method has the same functions, seeds 0
to N - 1 and budgets. The regret is that of the trial which looks best so far, without the noise of its objective.
"""
import argparse
import collections
import csv
import math
import random
import statistics
import time
import warnings

try:
    import optuna
except ImportError:
    optuna = None

SHOWN = (20, 30, 40, 60)


def branin(at):
    bend = at["y"] - 5.1 / (4 * math.pi**2) * at["x"] ** 2 + 5 / math.pi * at["x"] - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(at["x"]) + 10


WEIGHTS = (1, 1.2, 3, 3.2)
STEEP = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
CENTERS = (
    (1312, 1696, 5569, 124, 8283, 5886),
    (2329, 4135, 8307, 3736, 1004, 9991),
    (2348, 1451, 3522, 2883, 3047, 6650),
    (4047, 8828, 8732, 5743, 1091, 381),
)


def hartmann(at):
    total = 0
    for weight, steep, centers in zip(WEIGHTS, STEEP, CENTERS):
        distance = sum(s * (at[f"x{i}"] - 1e-4 * c) ** 2 for i, (s, c) in enumerate(zip(steep, centers)))
        total -= weight * math.exp(-distance)
    return total


OPTIMIZERS = {"adam": (0, -3), "rmsprop": (0.06, -3.4), "momentum": (0.09, -1.6), "sgd": (0.15, -0.8)}


def network(at):
    floor, best = OPTIMIZERS[at["optimizer"]]
    layers, width = at["layers"] - 4, math.log2(at["width"] / 256)
    rate = math.log10(at["rate"]) - best + 0.15 * layers
    dropout = at["dropout"] - 0.25 - 0.04 * layers - 0.03 * width
    return (
        floor
        + 0.15 * rate**2
        + 0.03 * (1 - math.cos(5 * rate))
        + 0.03 * layers**2
        + 0.02 * width**2
        + 0.8 * dropout**2
    )


KINDS = {"a": (0, 0), "b": (2, 1), "c": (5, 3)}


def mixed_branin(at):
    shift, lift = KINDS[at["kind"]]
    return branin({"x": at["x"], "y": at["y"] / 4 + shift}) + lift


def mixed_branin_minimum():
    """Over x in steps of 5e-4 for the kind without a lift: the others are higher by theirs."""
    steps = ((-5 + x * 5e-4, y) for y in range(61) for x in range(30001))
    return min(mixed_branin({"x": x, "y": y, "kind": "a"}) for x, y in steps)


def uniform(low, high):
    return lambda trial, name: trial.suggest_float(name, low, high)


def logarithmic(low, high):
    return lambda trial, name: trial.suggest_float(name, low, high, log=True)


def whole(low, high, log=False):
    return lambda trial, name: trial.suggest_int(name, low, high, log=log)


def one_of(*values):
    return lambda trial, name: trial.suggest_categorical(name, values)


PLANE = {"x": uniform(-5, 10), "y": uniform(0, 15)}
CUBE = {f"x{i}": uniform(0, 1) for i in range(6)}
MIXED = {"x": uniform(-5, 10), "y": whole(0, 60), "kind": one_of("a", "b", "c")}
NETWORK = {
    "optimizer": one_of("sgd", "momentum", "adam", "rmsprop"),
    "rate": logarithmic(1e-5, 1),
    "layers": whole(1, 8),
    "width": whole(16, 1024, log=True),
    "dropout": uniform(0, 0.7),
}

Function = collections.namedtuple("Function", "value ranges minimum noise evaluations solved")
FUNCTIONS = {
    "branin": Function(branin, PLANE, lambda: 0.39788736, 0, 60, 0.01),
    "hartmann6": Function(hartmann, CUBE, lambda: -3.32236801, 0, 100, 0.01),
    "branin_noisy": Function(branin, PLANE, lambda: 0.39788736, 1.0, 60, 0.5),
    "hartmann6_noisy": Function(hartmann, CUBE, lambda: -3.32236801, 0.1, 100, 0.1),
    "branin_mixed": Function(mixed_branin, MIXED, mixed_branin_minimum, 0, 60, 0.01),
    "network": Function(network, NETWORK, lambda: 0, 0, 80, 0.01),
    "network_noisy": Function(network, NETWORK, lambda: 0, 0.01, 80, 0.02),
}


def sampler(method, seed):
    if method == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if method == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True)
    return optuna.samplers.GPSampler(seed=seed)


def run(function, minimum, method, seed):
    """Regrets after each evaluation, and the seconds that the proposals took."""
    study = optuna.create_study(sampler=sampler(method, seed))
    noise = random.Random(seed * 7919 + 17)
    best, regret, regrets, seconds = math.inf, math.inf, [], []
    for _ in range(function.evaluations):
        start = time.perf_counter()
        trial = study.ask()
        at = {name: suggest(trial, name) for name, suggest in function.ranges.items()}
        seconds.append(time.perf_counter() - start)
        value = function.value(at)
        observed = value + function.noise * noise.gauss(0, 1)
        study.tell(trial, observed)
        if observed < best:
            best, regret = observed, value - minimum
        regrets.append(regret)
    return regrets, seconds


def gp_works():
    """Whether this Optuna has a Gaussian process that the torch and SciPy beside it can run; else why not."""
    if not hasattr(optuna.samplers, "GPSampler"):
        return f"Optuna {optuna.__version__} has none"
    try:
        study = optuna.create_study(sampler=optuna.samplers.GPSampler(seed=0, n_startup_trials=1))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    except Exception as error:  # what is missing or too old says so in its own way
        return f"{type(error).__name__}: {error}"
    return None


class Rows:
    """Runs by function and method."""

    def __init__(self):
        self.runs = collections.defaultdict(dict)
        self.seconds = collections.defaultdict(list)

    def add(self, function, method, seed, regrets, seconds):
        self.runs[function, method][seed] = regrets
        self.seconds[function, method] += seconds

    def read(self, path, functions):
        regrets, seconds = collections.defaultdict(dict), collections.defaultdict(list)
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                key = row["function"], row["method"], int(row["seed"])
                regrets[key][int(row["evaluation"])] = float(row["regret"])
                if row.get("seconds"):
                    seconds[key].append(float(row["seconds"]))
        for (function, method, seed), values in regrets.items():
            if function in functions:
                ordered = [values[evaluation] for evaluation in sorted(values)]
                self.add(function, "our " + method, seed, ordered, seconds[function, method, seed])

    def line(self, function, method):
        runs, solved = self.runs[function, method].values(), FUNCTIONS[function].solved
        cells = []
        for evaluation in SHOWN:
            reached = [regrets[evaluation - 1] for regrets in runs if len(regrets) >= evaluation]
            cells.append(f"{statistics.median(reached):9.2g}" if reached else " " * 9)
        needed = [next((i for i, regret in enumerate(regrets, 1) if regret <= solved), math.inf) for regrets in runs]
        middle = statistics.median(needed)
        seconds = self.seconds[function, method]
        return (
            f"{function:16} {method:18} {' '.join(cells)}   {solved:5.2g} {middle if middle < math.inf else '-':>6}"
            f" {sum(count < math.inf for count in needed):4}/{len(needed):<3}"
            f" {f'{statistics.fmean(seconds):9.4f}' if seconds else ''}"
        )


def measured(rows, name, method, seeds):
    function = FUNCTIONS[name]
    minimum = function.minimum()
    for seed in range(seeds):
        regrets, seconds = run(function, minimum, method, seed)
        rows.add(name, "Optuna's " + method, seed, regrets, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", action="append", default=[])
    parser.add_argument("--function", action="append", choices=list(FUNCTIONS))
    parser.add_argument("--method", action="append", choices=["tpe", "gp", "random"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--gp-seeds", type=int, help="of the Gaussian process, which takes its time; else --seeds")
    options = parser.parse_args()
    functions = options.function or list(FUNCTIONS)
    methods = options.method or ["tpe", "gp"]
    if optuna is None:
        print("tuning beside Optuna: left out, Python has no module optuna")
        methods = []
    else:
        print(f"tuning beside Optuna {optuna.__version__}")
        warnings.simplefilter("ignore")  # multivariate TPE and the Gaussian process are called experimental
        optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = Rows()
    for path in options.ours:
        rows.read(path, functions)
    if "gp" in methods and (why := gp_works()):
        print(f"the Gaussian process of Optuna: left out, {why}")
        methods.remove("gp")
    print("median regret after evaluations; evaluations until a run is solved (median); runs that were solved")
    heads = " ".join(f"{evaluation:>9}" for evaluation in SHOWN)
    print(f"{'function':16} {'method':18} {heads}   {'until':>5} {'needed':>6} {'solved':>8} {'s/propose':>9}")
    for name in functions:
        for method in methods:
            seeds = options.gp_seeds if method == "gp" and options.gp_seeds is not None else options.seeds
            measured(rows, name, method, seeds)
        for function, method in list(rows.runs):
            if function == name:
                print(rows.line(function, method), flush=True)


if __name__ == "__main__":
    main()
