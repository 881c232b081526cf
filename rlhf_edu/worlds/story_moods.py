"""Which mood the words of the story world carry.

A number is how strongly a word speaks for (+) or against (-) a mood. Stories are told in a mood by these numbers, and
tastes read the mood back from the words.
"""

_TABLES = {
    "happy": """
        happy 1  happily 1  smiled .7  laughed .7  joy .9  proud .7  hugged .8  hug .5  safe .6  cheered .8
        danced .6  sang .5  best .6  found .6  friends .4  home .2  held .5  warm .3  wonderful .7  waved .2
        cried -.9  sad -.8  lost -.8  tears -.8  alone -.7  never -.6  empty -.7  gone -.7  lonely -.9
        broken -.7  sighed -.5  without -.4
    """,
    "brave": """
        brave 1  bravely .9  bold .8  boldly .8  marched .7  courage .9  faced .7  straight .5
        breath .6  eye .4  roared .6  hid -.8  trembled -.8  shook -.7  scared -.7  shy -.5  nervously -.6
        tiptoed -.5  crept -.4  froze -.7  hiding -.4
    """,
    "kind": """
        kind 1  kindly .8  gently .7  helped .9  help .7  shared .9  share .7  gave .5  hugged .6  hug .5
        thanked .7  gift .5  together .5  comforted .9  invited .7  please .5  rude -.7  rudely -.8  pushed -.8
        grabbed -.7  mocked -.9  selfish -1  ignored -.8  kept -.6  mean -.6  boasted -.6  greedy -.6
        shouted -.5  mine -.5
    """,
    "spooky": """
        ghost 1  ghostly .9  witch .7  bat .5  midnight .9  dark .7  shadows .7  fog .6  foggy .6  cold .4
        howled .8  creaked .6  graveyard 1  grave .8  haunted 1  cave .3  spider .6  bone .6  bones .8
        creepy .8  strange .4  crooked .5  crow .4  wolf .4  screamed .7  pale .5  black .4  candle .2
        whispered .3  moon .3  sunny -.8  bright -.7  warm -.5  cheerfully -.6  spring -.4  sunshine -.8
        blanket -.3
    """,
    "nature": """
        forest .8  meadow .9  mountains .8  garden .5  flower .7  flowers .7  strawberry .5  feather .4
        pebble .4  bees .7  birds .6  leaves .7  leaf .3  moss .8  mossy .7  tree .6  trees .7  bush .6
        grass .7  wild .4  butterfly .7  stars .3  spring .3  brook .6  windy .3  market -.7  city -.9
        station -.7  bakery -.6  bus -.8  shop -.7  street -.7  streets -.8  lamp -.2  lamps -.4  coin -.4
        coins -.4  ticket -.4  train -.4  brick -.4  guard -.3  robot -.5  lights -.3
    """,
    "funny": """
        silly .9  giggled .8  sneezed .8  hiccups .9  tickled .9  burped 1  pudding .6  banana .5  sock .6
        socks .8  trousers .8  goose .4  joke .9  noodles .8  noodle .7  nose .4  slipped .7  wobbled .7
        backwards .7  funny .8  circus .5  dizzy .5  hat .4  serious -.9  quiet -.5  quietly -.5  frosty -.2
    """,
    "magic": """
        magic 1  magical .9  spell 1  wand .8  fairy .9  wizard .8  dragon .6  witch .4  glowed .8  glowing .6
        sparkled .8  dust .2  potion .7  wish .6  vanished .7  floated .7  golden .4  secret .2  mirror .2
        ordinary -.9  plain -.6  wooden -.5  button -.3
    """,
}


def _numbers(table: str) -> dict[str, float]:
    words = table.split()
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))


MOODS: dict[str, dict[str, float]] = {mood: _numbers(table) for mood, table in _TABLES.items()}
