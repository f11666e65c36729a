<?php
// The smallest useful backend: the first question and the main menu.
// Run:  php -S 127.0.0.1:8092 backend.php
declare(strict_types=1);

function menu(string $menu, string $prompt, string $language, int $max_digits = 1): array
{
    return ['action' => 'menu', 'menu' => $menu, 'prompt' => $prompt,
            'max_digits' => $max_digits, 'loops' => 2, 'language' => $language];
}

/** The answer to one action_requested event. Nothing is kept: the menu's name carries the language. */
function next_action(array $event): array
{
    $menu = $event['menu'] ?? 'language';
    $digits = $event['digits'] ?? '';
    $language = str_ends_with($menu, '_en') ? 'en' : 'he';
    $goodbye = ['action' => 'hangup', 'prompt' => 'goodbye', 'cause' => 16, 'language' => $language];

    if (($event['reason'] ?? '') === 'call_started') {
        return menu('language', 'welcome', 'he');
    }
    if ($digits === '' || str_starts_with($menu, 'order_')) {
        return $goodbye;  // nobody pressed a key; or an order number: look it up here, answer say_digits
    }
    if ($menu === 'language') {
        return match ($digits) {
            '1' => menu('main_he', 'main_menu_he', 'he'),
            '2' => menu('main_en', 'main_menu_en', 'en'),
            default => menu('language', 'welcome', 'he'),
        };
    }
    return match ($digits) {
        '1' => menu("order_$language", "order_number_$language", $language, 4),
        '2' => ['action' => 'call', 'target' => '0501234567', 'ring_timeout' => 20, 'language' => $language],
        '3' => ['action' => 'record', 'prompt' => 'leave_message', 'max_duration' => 120, 'language' => $language],
        '9' => $goodbye,
        default => menu("main_$language", "wrong_choice_$language", $language),
    };
}

$route = $_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($route === 'POST /ivr/action') {
    header('Content-Type: application/json');
    echo json_encode(next_action(json_decode(file_get_contents('php://input'), true)));
} else {
    http_response_code($route === 'POST /ivr/events' ? 204 : 404);
}
