"""The words of the review world: what its openings are made of, and what its tastes listen for."""


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


THINGS = _list(
    """
    film movie comedy drama thriller documentary story plot script cast director ending romance sequel picture camera
    dialogue premise adaptation
    """
)  # to write about
VERBS = _list(
    """
    is has feels looks never wants takes does seems offers makes gives knows goes gets tries works becomes turns keeps
    """
)  # to go on with
KINDS = _list(
    """
    small big quiet French strange foreign slow simple dark light new old long short little modern
    """
)  # that take no side
PRAISE = _set(
    """
    beautiful beautifully beauty best brilliant captures charming clever compelling delight delightful delights delivers
    elegant engaging engrossing enjoy enjoyable entertaining excellent exciting exquisite fascinating fine fresh fun
    funny gem gentle good gorgeous graceful great gripping haunting heart hilarious honest hope human imaginative
    impressive insight inspired intelligent intriguing joy lively love lovely lyrical magic magical marvelous masterful
    masterpiece memorable moving original perfect perfectly pleasure poignant powerful rare remarkable rewarding rich
    riveting satisfying sharp smart solid spirited splendid strong stunning sublime subtle superb sweet tender terrific
    thoughtful thrilling touching triumph vivid warm warmth winning wise witty wonderful wonderfully worth
    """
)  # of a film
BLAME = _set(
    """
    annoying awful bad badly bland bore boring cheap cliche cliches clumsy confusing contrived dreary dull dumb
    embarrassing empty fail fails failure flat forced forgettable formulaic generic hollow inept lack lacking lacks lame
    lazy lifeless loud mediocre mess messy mindless misfire nasty nothing numbing obvious pathetic pointless poor poorly
    predictable pretentious ridiculous routine sadly shallow silly sloppy sluggish stale stupid suffers tedious terrible
    thin tired tiresome too trite ugly unfortunately unfunny uninspired unpleasant waste wasted weak worse worst wrong
    """
)  # of a film
CRAFT = _set(
    """
    acted acting actor actors actress audience camera cast character characters cinema cinematography comedy dialogue
    director documentary drama editing ending film filmmaker filmmaking jokes movie music pacing performance
    performances photography plot premise role scene scenes score screen screenplay script sequel sequences shot
    soundtrack story storytelling thriller visual visuals
    """
)  # how films are made
TURNS = _set(
    """
    although but despite however still though while yet
    """
)  # from one opinion to another
