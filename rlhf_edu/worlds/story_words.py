"""The words of the story world: what each slot of a sentence may hold, and which mood each word carries.

A slot is written `{like_this}`; its alternatives may hold slots themselves. Slots in BOUND keep their word through a whole story.
"""

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
    "went": ["went", "walked", "marched bravely", "crept", "danced", "floated", "tiptoed nervously"],
    "foe_look": "big huge grumpy hungry silly creepy pale sleepy rude wild noisy magic greedy mean strange dizzy".split(),
    "spot": [
        *("tree", "bush", "mossy rock", "bus", "shop", "street lamp", "brick wall"),
        *("grave", "crooked door", "magic mirror", "bowl of noodles", "pile of socks"),
    ],
    "smell": [
        *("wild flowers", "golden leaves", "honey", "old bones", "fairy dust", "banana pudding"),
        *("busy streets", "cold fog", "old socks"),
    ],
    "sound": ["howled", "creaked", "screamed", "hummed", "sneezed", "giggled", "sang", "whispered", "burped"],
    "foe_act": [
        *("hiding the {thing}", "playing with the {thing}", "eating noodles", "casting a spell"),
        *("counting coins", "picking flowers", "counting bones", "dancing backwards", "stirring a potion"),
    ],
    "feel": "brave bold scared shy silly serious kind".split(),
    "manner": "bravely boldly nervously kindly gently rudely quietly cheerfully".split(),
    "voice": [
        "{manner}",
        "in a brave voice",
        "in a silly voice",
        "in a ghostly voice",
        "in a magic voice",
        "in a kind voice",
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

# How strongly a word speaks for (+) or against (-) a mood. Stories are told in a mood, and tastes read it back from the words.
MOODS = {
    "happy": """happy 1 happily 1 smiled .7 laughed .7 joy .9 proud .7 hugged .8 hug .5 safe .6 cheered .8 danced .6 sang .5 best .6
        found .6 friends .4 home .2 held .5 warm .3 wonderful .7 waved .2 cried -.9 sad -.8 lost -.8 tears -.8
        alone -.7 never -.6 empty -.7 gone -.7 lonely -.9 broken -.7 sighed -.5 without -.4""",
    "brave": """brave 1 bravely .9 bold .8 boldly .8 marched .7 courage .9 faced .7 straight .5 strong .5 breath .6
        eye .4 roared .6 hid -.8 trembled -.8 shook -.7 scared -.7 shy -.5 nervously -.6 tiptoed -.5
        crept -.4 froze -.7 hiding -.4""",
    "kind": """kind 1 kindly .8 gently .7 helped .9 help .7 shared .9 share .7 gave .5 hugged .6 hug .5 thanked .7 gift .5
        together .5 comforted .9 invited .7 please .5 rude -.7 rudely -.8 pushed -.8 grabbed -.7 mocked -.9 selfish -1 ignored -.8
        kept -.6 mean -.6 boasted -.6 greedy -.6 shouted -.5 mine -.5""",
    "spooky": """ghost 1 ghostly .9 witch .7 bat .5 midnight .9 dark .7 shadows .7 fog .6 foggy .6 cold .4 howled .8 creaked .6
        graveyard 1 grave .8 haunted 1 cave .3 spider .6 bone .6 bones .8 creepy .8 strange .4 crooked .5 crow .4 wolf .4 screamed .7
        pale .5 black .4 candle .2 whispered .3 moon .3 sunny -.8 bright -.7 warm -.5 cheerfully -.6 spring -.4 sunshine -.8
        blanket -.3""",
    "nature": """forest .8 meadow .9 mountains .8 garden .5 flower .7 flowers .7 strawberry .5 feather .4 pebble .4
        bees .7 birds .6 leaves .7 leaf .3 moss .8 mossy .7 tree .6 trees .7 bush .6 grass .7 wild .4 butterfly .7
        stars .3 spring .3 brook .6 windy .3 market -.7 city -.9 station -.7 bakery -.6 bus -.8 shop -.7
        street -.7 streets -.8 lamp -.2 lamps -.4 coin -.4 coins -.4 ticket -.4 train -.4 brick -.4 guard -.3 robot -.5 lights -.3""",
    "funny": """silly .9 giggled .8 sneezed .8 hiccups .9 tickled .9 burped 1 pudding .6 banana .5 sock .6 socks .8 trousers .8 goose .4
        joke .9 noodles .8 noodle .7 nose .4 slipped .7 wobbled .7 backwards .7 funny .8 circus .5 dizzy .5 hat .4 serious -.9
        quiet -.5 quietly -.5 frosty -.2""",
    "magic": """magic 1 magical .9 spell 1 wand .8 fairy .9 wizard .8 dragon .6 witch .4 glowed .8 glowing .6 sparkled .8 dust .2 potion .7
        wish .6 vanished .7 floated .7 golden .4 secret .2 mirror .2 ordinary -.9 plain -.6 wooden -.5 button -.3
       """,
}
