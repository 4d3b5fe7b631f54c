"""English sentences of a small grammar: enough variety of sounds to learn from, and nobody else's text."""

import random

SUBJECTS = (
    """
the old captain|my younger sister|a tall engineer|the baker|our neighbour|every student|the quiet librarian|a stranger
the choir|his grandmother|the night watchman|two fishermen|the jury|a small robot|the violinist|someone upstairs
the gardener|her teacher|an astronaut|the whole village|a clever fox|the painter|their cousin|the postman
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

VERBS = (
    """
carried|forgot|measured|painted|found|described|threw away|borrowed|repaired|watched|polished|sold|hid|remembered
brought back|gathered|unpacked|chose|lost|examined|shared|touched|pushed|recorded|judged|heard|weighed|fixed
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

OBJECTS = (
    """
a yellow umbrella|the broken clock|seven wooden boxes|an unusual stone|the garden chairs|a bowl of cherries
the heavy suitcase|three blue feathers|the last letter|a pair of scissors|the church bell|some fresh bread
an empty jar|the long rope|a map of the island|the kitchen table|a shining coin|five ripe peaches|the tape recorder
a very thick book|the silver whistle|her winter gloves|a box of matches|the orange bicycle|nothing but shadows
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

PLACES = (
    """
behind the mill|near the harbour|in the narrow hallway|under the bridge|at the edge of the forest|on the third floor
beside the frozen lake|across the road|inside the green tent|between the houses|along the river|above the workshop
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

TIMES = (
    """
before breakfast|yesterday evening|during the storm|at half past six|on a Thursday in July|after the concert
while the others slept|just in time|without a word|as usual|for the first time in years|when the power failed
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

QUESTIONS = (
    """
could you tell me why|do you believe that|who told you that|is it true that|how did they know that|did you notice when
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

OPENINGS = ["", "actually,", "as far as I know,", "strangely enough,", "on the whole,", "of course,", "they say that"]


def sentence(random_numbers: random.Random) -> str:
    """Make a statement or a question of some 8 to 20 words.

    Example:
        >>> sentence(random.Random(1)).endswith((".", "?"))
        True
    """
    pick = random_numbers.choice
    clause = f"{pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)}"
    if random_numbers.random() < 0.7:
        clause += f" {pick(PLACES)}"
    if random_numbers.random() < 0.6:
        clause += f" {pick(TIMES)}"
    if random_numbers.random() < 0.2:
        return f"{pick(QUESTIONS)} {clause}?".capitalize()
    return f"{pick(OPENINGS)} {clause}.".strip().capitalize()
