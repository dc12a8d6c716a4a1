"""A harmless stand-in for a deployment: says what a real one would, and can write down that it ran."""

import argparse
import os
import sys
import time

STEPS = ("fetching the image", "starting the new version", "checking its health", "switching over")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="latest")
    tag = parser.parse_args().tag
    for step in STEPS:
        print(f"staging: {step} ({tag})", flush=True)
        time.sleep(0.5)
    if log := os.environ.get("DEPLOY_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"deployed {tag} to staging\n")
    print(f"staging runs {tag} now")
    return 0


if __name__ == "__main__":
    sys.exit(main())
