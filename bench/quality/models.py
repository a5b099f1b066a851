"""Models of libraries, each as a function from customers' weighted items to scores of all items."""

import warnings

import numpy as np
from scipy import sparse

warnings.filterwarnings("ignore")


def item_knn(matrix, neighbours, kind):
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    maker = {"bm25": BM25Recommender, "cosine": CosineRecommender, "tfidf": TFIDFRecommender}[kind]
    model = maker(K=neighbours)
    model.fit(matrix, show_progress=False)
    similarity = model.similarity.tocsr()
    return lambda vectors: np.asarray((vectors @ similarity).todense(), np.float32)


def ease(matrix, regularization, most_items):
    """Dense in the number of items: only the `most_items` most frequent take part."""
    from rectools.models import EASEModel

    frequent = np.argsort(-np.asarray(matrix.sum(axis=0)).ravel())[:most_items]
    model = EASEModel(regularization=regularization)

    class Part:  # all that EASEModel reads of a rectools Dataset
        def get_user_item_matrix(self, include_weights=True, **_):
            return sparse.csr_matrix(matrix[:, frequent])

    model._fit(Part())
    weights = np.asarray(model.weight, np.float32)

    def score(vectors):
        scores = np.zeros(vectors.shape, np.float32)
        scores[:, frequent] = vectors[:, frequent] @ weights
        return scores

    return score


def ials(matrix, factors, regularization, alpha):
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors, regularization=regularization, alpha=alpha, iterations=12,
        random_state=1, calculate_training_loss=False)
    model.fit(matrix, show_progress=False)

    def score(vectors):
        users = np.asarray(model.recalculate_user(np.arange(vectors.shape[0]), vectors.tocsr()))
        return (users @ np.asarray(model.item_factors).T).astype(np.float32)

    return score


def bpr(matrix, factors, learning_rate, regularization):
    """A customer it was not fitted with is the mean of the items, as weighted."""
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=factors, learning_rate=learning_rate, regularization=regularization,
        iterations=100, random_state=1)
    model.fit(matrix, show_progress=False)
    items = np.asarray(model.item_factors)

    def score(vectors):
        total = np.maximum(np.asarray(vectors.sum(axis=1)), 1e-9)
        users = np.asarray(vectors @ items) / total
        users[:, -1] = 1  # the items' bias
        return (users @ items.T).astype(np.float32)

    return score


def popularity(counts):
    return lambda vectors: np.tile(counts, (vectors.shape[0], 1))


def grids(quick, most_items):
    """name → list of (parameters in words, function that fits a matrix)."""
    knn = [("bm25", 200), ("cosine", 200)] if quick else [
        (kind, k) for kind in ("bm25", "cosine", "tfidf") for k in (100, 500)]
    strengths = [300] if quick else [100, 300, 1000]
    als = [(64, 0.01, 10)] if quick else [(f, r, a) for f in (64, 128) for r in (0.01, 1)
                                          for a in (1, 10)]
    ranks = [(64, 0.05, 0.01)] if quick else [(64, 0.05, 0.01), (128, 0.05, 0.01),
                                              (64, 0.02, 0.001)]
    return {
        "item-kNN (implicit)": [
            (f"{kind}, K {k}", lambda m, kind=kind, k=k: item_knn(m, k, kind)) for kind, k in knn],
        "EASE (rectools)": [
            (f"λ {s}", lambda m, s=s: ease(m, s, most_items)) for s in strengths],
        "iALS (implicit)": [
            (f"{f} factors, reg {r}, α {a}", lambda m, f=f, r=r, a=a: ials(m, f, r, a))
            for f, r, a in als],
        "BPR (implicit)": [
            (f"{f} factors, rate {r}, reg {g}", lambda m, f=f, r=r, g=g: bpr(m, f, r, g))
            for f, r, g in ranks],
    }
