"""The sentences of the story world: one list of templates for each turn of the plot.

Slots: `{hero}` `{friend}` `{kind}` ... (see story_words), and pronouns of the hero (`{he}` `{him}` `{his}` `{He}`
`{His}`) or, with an f in front, of the friend (`{fhim}`). The key of a group of templates lists the facts a story
needs for them ("" needs none). Two turns decide facts: the friend is "nice" or "mean", the thing is "won" or "lost".
"""

PLOT = {
    "opening": {
        "": [
            "Once upon a time there was a {trait} {kind} named {hero}.",
            "Once there was a {trait} {kind} called {hero}.",
            "{hero} was a {trait} {kind} with {feature}.",
            "There once lived a {trait} {kind} named {hero}.",
            "This is the story of {hero}, a {trait} {kind}.",
            "In a {house} lived a {trait} {kind} named {hero}.",
            "Long ago, a {trait} {kind} named {hero} lived next door.",
            "Everyone knew {hero}, the {trait} {kind} with {feature}.",
        ],
    },
    "quest": {
        "": [
            "{when}, {he} {went} to {place} to find a {thing}.",
            "{when}, {he} {went} to {place} for a {thing}.",
            "{when}, {he} looked {manner} for a {thing} in {place}.",
            "{when}, {he} {went} to {place}, for {he} wanted a {thing}.",
            "{when}, {he} heard of a {thing} in {place}.",
            "{when}, {he} dreamed of a {thing} in {place}.",
            "{when} in {place}, {he} wished for a {thing}.",
            "{when}, {his} grandmother wanted a {thing} from {place}.",
            "{when}, {he} {went} to {place} with a map to a {thing}.",
            "{when}, {he} lost a {thing} in {place}.",
        ],
    },
    "scene": {
        "": [
            "Birds sang and bees hummed in the grass.",
            "The leaves were golden and the moss was soft.",
            "A brook ran between the trees and the flowers.",
            "The streets were full of people.",
            "A bus hummed past under the street lamps.",
            "Fog crept past, and something {sound}.",
            "Long shadows crept past, and a bat {cry}.",
            "The air smelled of {smell}.",
            "The sunshine was warm and bright.",
            "The air glowed and sparkled with fairy dust.",
            "Behind a {spot}, something {sound}.",
            "A pig in striped trousers walked past backwards.",
            "It was very quiet.",
            "{hero} {move} past a {spot}.",
        ],
    },
    "trouble": {
        "": [
            "But a {foe_look} {foe} blocked the way.",
            "But a {foe_look} {foe} wanted the {thing} too.",
            "Suddenly a {foe_look} {foe} jumped over a {spot}.",
            "But there was a {foe_look} {foe}.",
            "There {he} met a {foe_look} {foe} who was {foe_act}.",
            "Behind a {spot} sat a {foe_look} {foe}.",
            "Then a {foe_look} {foe} {cry} behind {him}.",
            '"Stop!" called a {foe_look} {foe}.',
            '"Who are you?" asked a {foe_look} {foe} {voice}.',
        ],
    },
    "feeling": {
        "": [
            "{hero} felt {feel}.",
            "{hero} was a {feel} {kind}.",
            "{He} felt {feel}, but {he} {move} on.",
            "{hero} took a deep breath.",
            "{hero} was full of courage.",
            "{hero} roared boldly.",
            "{hero} hid behind a {spot}.",
            "{His} knees shook.",
            "{He} trembled and froze like a stone.",
            "{hero} got the hiccups and slipped on a banana.",
            "{hero} giggled because the {foe} looked so silly.",
            '"Go away, please," said {hero} {voice}.',
            '"I will find the {thing}!" said {hero} {voice}.',
            "{hero} made a wish, and {his} nose glowed.",
        ],
    },
    "friend": {
        "nice": [
            "Then {friend} the {friend_kind} helped {him} {gladly}.",
            "Then {friend} the {friend_kind} {move} past and spoke {voice}.",
            "{friend} the {friend_kind} came to help {gladly}.",
            "{hero} called {his} friend {friend}, a {feel} {friend_kind}.",
            "{friend} the {friend_kind} shared a {treat} with {him}.",
            "From behind a {spot} came {friend} the {friend_kind}, who laughed {voice}.",
            "{hero} found {friend} the {friend_kind} {plight} and helped {fhim}.",
            "{hero} gently comforted {friend} the {friend_kind}, who was {plight}.",
            "{friend} the {friend_kind} floated past on a wand.",
        ],
        "mean": [
            "{friend} the {friend_kind} mocked {him}.",
            "{friend} the {friend_kind} saw {him} but looked away.",
            "Then {friend} the {friend_kind} pushed past {him} rudely.",
            "{hero} saw {friend} the {friend_kind} {plight} but ignored {fhim}.",
            "{hero} pushed {friend} the {friend_kind}, who was {plight}.",
            "{friend} the {friend_kind} hid behind a {spot}.",
            "{friend} the {friend_kind} trembled and ran away.",
            "{hero} boasted to {friend} the {friend_kind}.",
        ],
    },
    "speech": {
        "nice": [
            '"{nice_line}," said {friend}.',
            '"{nice_line}," said {friend} {voice}.',
            '"{nice_line}!" called {friend} {voice}.',
        ],
        "mean": [
            '"{mean_line}," said {friend}.',
            '"{mean_line}," said {friend} {voice}.',
            '"{mean_line}!" called {friend} {voice}.',
        ],
    },
    "attempt": {
        "": [
            "{hero} {move} up to the {foe} and {deed}.",
            "{hero} looked at the {foe} {manner}.",
            "{hero} said hello to the {foe} {manner}.",
            "So {he} {deed}.",
            "First {he} {deed}.",
            "{hero} {deed}, and the {foe} {cry}.",
        ],
        "nice": [
            "Together they {move} up to the {foe}.",
            "{hero} {deed} while {friend} {cry}.",
            "{friend} {deed}, and the {foe} {cry}.",
            "{hero} and {friend} {move} past the {foe} together.",
        ],
        "mean": [
            "{hero} {deed} while {friend} ran away.",
            "{hero} grabbed the {foe} rudely.",
        ],
    },
    "outcome": {
        "won": [
            "In the end {he} found the {thing} under a {spot}.",
            "At last {he} held the {thing} in {his} paws.",
            "The {foe} smiled and gave {him} the {thing}.",
            "The {foe} vanished, but the {thing} was there!",
            "The {foe} smiled, and there was the {thing}!",
            "The {foe} laughed and dropped the {thing}.",
            "The {foe} went away, and {hero} {manner} took the {thing}.",
            "Soon the {thing} was safe in {his} bag.",
            "The {thing} glowed, and {he} took it {manner}.",
        ],
        "lost": [
            "But the {foe} took the {thing} away.",
            "But the {thing} was broken.",
            "The {foe} vanished, and the {thing} was gone.",
            "The {thing} fell into the mud and was lost.",
            "{hero} looked everywhere {manner} but never found the {thing}.",
            "{hero} went home without the {thing}.",
            "{hero} opened a box {manner}, but it was empty.",
            "The {foe} burped, and the {thing} was gone.",
        ],
    },
    "reply": {
        "": [
            "{hero} shared a {treat} with the {foe}.",
            "{hero} invited the {foe} home.",
            "Then {he} sneezed, and a {treat} fell from a {spot}.",
            "Far away, something {sound}.",
        ],
        "won": ['"It is mine," {hero} boasted {voice}.', "{hero} kept it all."],
        "nice": [
            "{hero} thanked {friend} and gave {fhim} a {treat}.",
            "{friend} gave {him} a {treat} and laughed.",
            '"You are so {feel}," said {friend} {voice}.',
        ],
        "lost nice": ["{friend} comforted {him} with a {treat}."],
        "mean": [
            "{friend} wanted a {treat}, but {hero} ignored {fhim}.",
            "Still, {hero} gave {friend} a {treat}.",
            "{friend} mocked {him} and {move} away.",
        ],
    },
    "closing": {
        "": [
            "That night {he} slept under {bed}.",
            "But that night, something still {sound}.",
            "The {end_look} {kind} {move} home.",
            "The {end_look} {kind} slept under {bed}.",
            "{hero} was a {end_look} {kind}.",
        ],
        "won": [
            "{hero} {move} home happily.",
            "{hero} smiled and slept under {bed}.",
            "{He} was so proud that {he} danced with joy.",
            "Everyone cheered, and {hero} laughed all the way home.",
            "It was the best day of all.",
            "What a wonderful day it was!",
            "But {he} sighed under {bed}.",
        ],
        "lost": [
            "{hero} cried under {bed}.",
            "{hero} {move} home alone.",
            "{hero} sighed and slept without cake.",
            "{hero} felt sad and lonely under {bed}.",
            "With tears on {his} nose, {he} {move} home.",
            "Still, {he} smiled, for it was a wonderful day.",
        ],
        "nice": [
            "{hero} and {friend} were best friends.",
            "{hero} and {friend} danced and sang under {bed}.",
            "{hero} and {friend} laughed all the way home.",
        ],
        "lost nice": [
            "Still, {friend} hugged {him}, and {hero} smiled.",
            "{hero} and {friend} were sad, but they were together.",
        ],
        "mean": [
            "{hero} was lonely, for {friend} never came back.",
            "{hero} and {friend} waved and went home.",
        ],
    },
}

# Turns of the plot in order, and how willingly a story takes each (log-odds; ALWAYS is part of every story).
ALWAYS = 99.0
TURNS = {
    "quest": ALWAYS,
    "scene": -0.8,
    "trouble": ALWAYS,
    "feeling": 0.8,
    "friend": 1.4,
    "speech": -0.8,
    "attempt": 0.2,
    "outcome": ALWAYS,
    "reply": -0.8,
    "closing": ALWAYS,
}
