"""The words of the story world: what each slot of a sentence may hold.

A slot is written `{like_this}`; its alternatives may hold slots themselves. Slots in BOUND keep their word through a
whole story, slots in FREE choose anew each time.
"""

# ruff: noqa: SIM905   (a list of plain words reads best as a line of words)

NAMES = {
    "f": "Anna Bella Clara Daisy Ella Greta Hazel Lily Mia Rosa".split(),
    "m": "Adam Ben Carlo Dan Emil Felix Hugo Jack Leo Max".split(),
}

PRONOUNS = {
    "f": {"he": "she", "He": "She", "him": "her", "his": "her", "His": "Her"},
    "m": {"he": "he", "He": "He", "him": "him", "his": "his", "His": "His"},
}

BOUND = {
    "kind": "rabbit mouse fox squirrel hedgehog kitten puppy duck bear turtle frog badger".split(),
    "friend_kind": "mole pony donkey robin pig deer penguin swan".split(),
    "place": [
        *("the forest", "the meadow", "the mountains", "the wild garden"),
        *("the market", "the city", "the train station", "the bakery"),
        *("the graveyard", "the dark cave", "the haunted house", "the old castle"),
        *("the magic garden", "the wizard school", "the circus", "the noodle shop"),
    ],
    "thing": [
        *("blue flower", "wild strawberry", "soft feather", "round pebble"),
        *("shiny coin", "train ticket", "silver bell", "toy bus"),
        *("white bone", "black candle", "spider lamp"),
        *("magic lamp", "fairy wand", "secret potion", "golden key"),
        *("silly hat", "striped sock", "banana pudding", "honey cake", "wooden spoon", "plain button", "red kite"),
    ],
    "foe": "ghost witch wolf spider crow goose goat dragon wizard troll guard giant robot".split(),
}

CRIES = ["howled", "screamed", "hummed", "sneezed", "giggled", "sang", "whispered", "burped"]
MANNERS = ["bravely", "boldly", "nervously", "kindly", "gently", "rudely", "quietly", "cheerfully"]

FREE = {
    "trait": "little young small curious clever tiny hungry sleepy quick fluffy busy round".split(),
    "feature": ["a red scarf", "big ears", "a green bag", "a long tail", "a loud voice", "soft fur", "a blue bag"],
    "house": ["tall house", "round house", "tiny house", "yellow house", "house with a red door"],
    "when": [
        *(
            "One sunny morning",
            "One bright day",
            "One warm day",
            "One windy day",
            "One rainy day",
            "One frosty morning",
        ),
        *("One foggy evening", "One dark night", "At midnight", "On market day", "On a quiet Sunday"),
        *("On a silly Sunday", "On an ordinary day", "One magical evening", "One spring morning"),
    ],
    "went": ["went", "walked boldly", "marched bravely", "crept", "danced", "floated", "tiptoed nervously"],
    "foe_look": "big grumpy hungry silly creepy pale sleepy rude wild noisy magic greedy mean strange dizzy".split(),
    "spot": [
        *("tree", "bush", "mossy rock", "bus", "shop", "street lamp", "brick wall"),
        *("grave", "crooked door", "magic mirror", "bowl of noodles", "pile of socks"),
    ],
    "smell": [
        *("wild flowers", "golden leaves", "honey", "old bones", "fairy dust", "banana pudding"),
        *("busy streets", "cold fog", "old socks"),
    ],
    "cry": CRIES,
    "sound": [*CRIES, "creaked"],
    "foe_act": [
        *("hiding the {thing}", "playing with the {thing}", "eating noodles", "casting a spell"),
        *("counting coins", "picking flowers", "counting bones", "dancing backwards", "stirring a potion"),
    ],
    "feel": "brave bold scared shy silly serious kind".split(),
    "manner": MANNERS,
    "gladly": [word for word in MANNERS if word != "rudely"],
    "voice": [
        *MANNERS,
        *("in a brave voice", "in a silly voice", "in a ghostly voice", "in a magic voice", "in a kind voice"),
    ],
    "move": ["marched", "tiptoed", "crept", "wobbled", "floated", "walked", "danced", "skipped"],
    "deed": [
        *("told it a joke", "tickled its nose", "gave it a warm hug", "gave it a flower", "looked it in the eye"),
        *("cast a tiny spell", "waved a wand", "asked it kindly to move", "pushed it into the mud", "hid from it"),
        *("shared a cookie with it", "stood very straight", "made a funny face", "shouted rude words"),
        *(
            "faced it boldly",
            "rang a street bell",
            "showed it a butterfly",
            "trembled like a leaf",
            "lit a black candle",
        ),
    ],
    "plight": [
        *("stuck in the mud", "stuck in a tree", "stuck under a bus", "hiding in the fog", "stuck in a striped sock"),
        *("under a spell", "asleep in the grass", "late for the train"),
    ],
    "treat": [
        "gift",
        "flower",
        "cookie",
        "warm hug",
        "magic stone",
        "funny hat",
        "bus ticket",
        "pet bat",
        "plain button",
    ],
    "bed": [
        *("the stars", "a warm blanket", "the old tree", "the city lights", "a crooked moon", "a pile of socks"),
        *("the glowing sky", "the soft moss", "the street lamps"),
    ],
    "nice_line": [
        *("I will help you", "You are so brave", "We will go together", "I will share my cookie", "I know a spell"),
        *(
            "I know a joke",
            "I smell old bones",
            "The birds will help you",
            "We will find a bus",
            "You are a bold {kind}",
        ),
        *("You are a kind {kind}", "I know a fairy", "You are a silly {kind}", "I am full of courage"),
    ],
    "mean_line": [
        *("Go away", "I will never help you", "The {thing} is mine", "You look silly", "You will meet a ghost"),
        *("Ask a fairy", "Go back to the city", "Go and hug a tree", "You are too shy", "You are a mean {kind}"),
    ],
    "end_look": "brave bold shy kind selfish silly sleepy happy sad lonely proud scared".split(),
}
