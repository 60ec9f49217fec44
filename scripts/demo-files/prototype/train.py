"""The prototype of the demo: which of two models tells malignant tumours best, by 5-fold cross-validation?

Reads /data/cancer-du-sein, logs metrics per fold, leaves the best model and its confusion matrix.
"""

import argparse
import csv
import os
import pickle

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import enclos

FRENCH = os.environ.get("DEMO_LANGUAGE") == "fr"


def say(french, english):
    print(french if FRENCH else english, flush=True)


def load():
    with open("/data/cancer-du-sein/data.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    features = [name for name in rows[0] if name != "diagnosis"]
    x = np.array([[float(row[name]) for name in features] for row in rows])
    y = np.array([row["diagnosis"] == "malignant" for row in rows], dtype=int)
    return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    x, y = load()
    say(f"{len(y)} tumeurs, {x.shape[1]} mesures, {y.sum()} malignes", f"{len(y)} tumours, {x.shape[1]} measures, {y.sum()} malignant")
    enclos.log_param("trees", arguments.trees)
    enclos.log_param("seed", arguments.seed)
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "forest": RandomForestClassifier(arguments.trees, random_state=arguments.seed),
    }
    folds = StratifiedKFold(5, shuffle=True, random_state=arguments.seed)
    means, predictions = {}, {}
    for name, model in models.items():
        scores, guessed = [], np.zeros_like(y)
        for fold, (train, test) in enumerate(folds.split(x, y), start=1):
            model.fit(x[train], y[train])
            chance = model.predict_proba(x[test])[:, 1]
            guessed[test] = chance >= 0.5
            auc = roc_auc_score(y[test], chance)
            accuracy = accuracy_score(y[test], guessed[test])
            enclos.log_metric(f"{name}.auc", auc, step=fold)
            enclos.log_metric(f"{name}.accuracy", accuracy, step=fold)
            scores.append(auc)
            say(f"{name:9} pli {fold}/5  AUC {auc:.4f}  exactitude {accuracy:.4f}",
                f"{name:9} fold {fold}/5  AUC {auc:.4f}  accuracy {accuracy:.4f}")
        means[name], predictions[name] = float(np.mean(scores)), guessed
        enclos.log_metric(f"{name}.auc_mean", means[name])
    best = max(means, key=means.get)
    enclos.set_tag("best", best)
    with open("/outputs/model.pkl", "wb") as f:
        pickle.dump(models[best].fit(x, y), f)
    with open("/outputs/confusion_matrix.csv", "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["", "predicted_benign", "predicted_malignant"])
        for label, row in zip(("benign", "malignant"), confusion_matrix(y, predictions[best])):
            writer.writerow([label, *row])
    say(f"meilleur modèle : {best} (AUC moyenne {means[best]:.4f})", f"best model: {best} (mean AUC {means[best]:.4f})")


if __name__ == "__main__":
    main()
