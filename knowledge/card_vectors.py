"""Make the embeddings that come with the cards: `python -m knowledge.card_vectors`."""

from knowledge.card import load_cards
from knowledge.embedding import shared_embedder
from knowledge.index import VECTORS
from knowledge.vectors import digest_of, read_vectors, rounded, write_vectors


def main() -> int:
    """Embed the cards that have no vector yet and drop vectors that no card has; returns how many are new."""
    words = {digest_of(card.words): card.words for card in load_cards()}
    known = {digest: vector for digest, vector in read_vectors(VECTORS).items() if digest in words}
    missing = [digest for digest in words if digest not in known]
    if missing:
        made = rounded(shared_embedder().embed([words[digest] for digest in missing]))
        known |= dict(zip(missing, made, strict=True))
    write_vectors(VECTORS, known)
    return len(missing)


if __name__ == "__main__":
    main()
